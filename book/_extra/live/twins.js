// A digit and its twins: an adversarial image and noise, equally far away; and how much longer noise
// has to be before it does as much harm.
(() => {
  const { intriguing } = window;
  const DRAWS = 100; // of noise, for a share of errors
  const FACTORS = [1, 2, 4, 6, 8, 10, 12, 15, 18, 21, 25, 30, 35, 40]; // times the adversarial length, at most
  const FIRST = { network: "FC10(1e-4)", digit: 4 };

  const PAGE = `
    ${intriguing.CHOOSER}
    <div class="live-row live-actions">
      <label>Network <select data-is="network"></select></label>
      <button type="button" data-is="redraw">Draw other noise</button>
      <p data-is="status" role="status"></p>
    </div>
    <div class="live-tiles live-three">
      <div>
        <canvas data-is="digit" width="28" height="28" role="img" aria-label="The digit"></canvas>
        <p>The digit: <b data-is="digit-says"></b></p>
      </div>
      <div>
        <canvas data-is="twin" width="28" height="28" role="img"
          aria-label="The nearest adversarial image"></canvas>
        <p>Adversarial: <b data-is="twin-says"></b></p>
      </div>
      <div>
        <canvas data-is="noise" width="28" height="28" role="img"
          aria-label="The digit with noise"></canvas>
        <p>Noise, <span data-is="times"></span>: <b data-is="noise-says"></b></p>
      </div>
    </div>
    <div class="live-slide">
      <label>How many times as long the noise is: <b data-is="factor"></b>
        <input data-is="slider" type="range" min="1" max="${FACTORS.at(-1)}" step="1" value="1"></label>
    </div>
    <div class="live-way live-shares">
      <svg data-is="curve" viewBox="0 0 100 100" preserveAspectRatio="none" role="img"
        aria-label="The share of draws of noise that change the answer, against the length of the noise"></svg>
      <span>half of the draws</span>
    </div>
    <p class="live-axis">length of the noise, 1 to <span data-is="most"></span> times the adversarial one →</p>
    <p data-is="count" role="status"></p>
    <p data-is="outcome" role="status"></p>`;

  intriguing.part("twins", PAGE, (parts) => {
    let shown = null;

    const says = async (name, pixels) => {
      const now = shown, [said] = await intriguing.answers(now.network, [pixels]);
      if (now !== shown) return;
      parts[`${name}-says`].textContent = said;
      parts[`${name}-says`].classList.toggle("live-wrong", said !== now.before);
      return said;
    };

    const factor = () => Number(parts.slider.value);
    const most = () => Number(parts.slider.max);

    // All draws at so many times the adversarial length, and how many of them change the answer.
    const longer = (times) =>
      shown.noises.map((noise) => intriguing.away(shown.origin, noise, times * shown.distance));
    const changed = async (images) => {
      const { network, before } = shown, answers = await intriguing.answers(network, images);
      return answers.filter((said) => said !== before).length;
    };

    const slide = async () => {
      const now = shown, { noises } = now, times = factor(), images = longer(times);
      parts.factor.textContent = times;
      parts.slider.setAttribute("aria-valuetext", `${times} times as long`);
      parts.times.textContent = times === 1 ? "as far" : `${times} times as far`;
      intriguing.digit(parts.noise, images[0]);
      draw();
      const [count] = await Promise.all([changed(images), says("noise", images[0])]);
      if (now !== shown || noises !== now.noises || times !== factor()) return;
      const length = times === 1 ? "the same length" : `${times} times the length`;
      parts.count.textContent = `At ${length}, ${count} of ${DRAWS} draws of noise change the answer.`;
    };

    const redraw = async () => {
      const noise = () => Float64Array.from(shown.origin, intriguing.normal);
      Object.assign(shown, { noises: Array.from({ length: DRAWS }, noise), shares: [] });
      // Where all pixels are black or white, noise cannot become longer.
      const farthest = Math.min(...shown.noises.map((one) => intriguing.reach(shown.origin, one)));
      parts.slider.max = Math.min(FACTORS.at(-1), Math.max(Math.floor(farthest / shown.distance), 2));
      parts.most.textContent = most();
      await slide();
      return measure();
    };

    // -- how often noise errs, by its length --------------------------------------------------------

    const across = (times) => 1 + (98 * (times - 1)) / (most() - 1);

    const draw = () => {
      const points = shown.shares.map(([times, share]) => [across(times), 98 - 96 * share]);
      const here = across(factor());
      parts.curve.replaceChildren(
        intriguing.polyline("boundary", [[0, 50], [100, 50]]),
        intriguing.polyline("other", [[here, 0], [here, 100]]),
        intriguing.polyline("walk", points),
      );
    };

    // The length at which half of the draws err, between two lengths that were tried, or null.
    const half = (shares) => {
      const after = shares.findIndex(([, share]) => share >= 0.5);
      if (after < 1) return after === 0 ? 1 : null;
      const [[low, less], [high, more]] = shares.slice(after - 1, after + 1);
      return low + ((high - low) * (0.5 - less)) / (more - less);
    };

    const measure = async () => {
      const now = shown, { noises, shares } = now;
      parts.outcome.textContent = "";
      for (const times of [...FACTORS.filter((one) => one < most()), most()]) {
        const count = await changed(longer(times));
        if (now !== shown || noises !== now.noises) return;
        shares.push([times, count / DRAWS]);
        draw();
      }
      const wanted = half(shares);
      parts.outcome.textContent = wanted
        ? `To change it in half of them, noise must be about ${wanted.toFixed(0)} times as long.`
        : `It does not change it in half of them even at ${most()} times the length.`;
    };

    const find = async (origin) => {
      const network = parts.network.value, now = (shown = { origin, network });
      parts.status.textContent = "Searching …";
      parts.count.textContent = parts.outcome.textContent = "";
      try {
        const [before] = await intriguing.answers(network, [origin]);
        const { pixels, distance } = await intriguing.search(network, origin);
        if (now !== shown) return;
        Object.assign(now, { before, distance });
        parts.slider.value = 1;
        intriguing.digit(parts.digit, origin);
        intriguing.digit(parts.twin, pixels);
        parts.status.textContent =
          `Both twins are a Euclidean distance of ${distance.toPrecision(3)} from the digit.`;
        await Promise.all([says("digit", origin), says("twin", pixels), redraw()]);
      } catch (error) {
        if (now === shown) parts.status.textContent = error.message;
      }
    };

    intriguing.networks(parts.network, FIRST.network);
    const choices = intriguing.choices(parts.digits, ({ pixels }) => find(pixels));
    parts.network.addEventListener("change", () => shown && find(shown.origin));
    parts.slider.addEventListener("input", () => shown?.noises && slide());
    parts.redraw.addEventListener("click", () => shown?.noises && redraw());
    choices[FIRST.digit].click();
  });
})();
