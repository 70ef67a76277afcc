// The paper's search, seen: for each weight c of the distance, the image that minimises c |r| + the
// cross-entropy to a target. The nearest of those that are the target belongs to the largest c.
(() => {
  const { intriguing } = window;
  const LAST = 350, DECADE = 100; // places of the slider, and those for a factor of ten
  const COARSE = 10; // places between the minima that are found before the slider is moved
  const FINE = 1 / 32; // between the largest c that reaches the target and the next
  const SAME = 5e-4; // relative: distances that differ by less are told as the same
  const LEAST = 0.01; // the c at the slider's left end
  const FIRST = { network: "FC100-100-10", digit: 14, target: 3 }; // the chapter's example

  const TICKS = [0.01, 0.1, 1, 10].map((c, k) => [(100 * DECADE * k) / LAST, c]);
  const PAGE = `
    ${intriguing.CHOOSER}
    <div class="live-row live-actions">
      <label>Network <select data-is="network"></select></label>
      <label>is to say <select data-is="target"></select></label>
      <p data-is="status" role="status"></p>
    </div>
    <div class="live-minimised">
      <div>
        <canvas data-is="minimiser" width="28" height="28" role="img"
          aria-label="The minimiser for this c"></canvas>
        <p>The minimiser: <b data-is="says"></b></p>
        <canvas data-is="change" width="28" height="28" role="img"
          aria-label="Its change: red where it adds ink, blue where it takes some away"></canvas>
        <p>Its change</p>
      </div>
      <div>
        <p class="live-title">How far away the minimiser is</p>
        <div class="live-way">
          <svg data-is="plot" viewBox="0 0 100 100" preserveAspectRatio="none" role="img"
            aria-label="The distance of the minimiser against c: it falls as c grows. Dots are filled where the
              answer is the target; a dashed line is at the distance of the nearest image that is"></svg>
          <span data-is="nearest"></span>
        </div>
        <div class="live-slide">
          <input data-is="slider" type="range" min="0" max="${LAST}" step="1"
            aria-label="c, the weight of the distance">
          <p class="live-ticks" aria-hidden="true">
            ${TICKS.map(([left, c]) => `<span style="left: ${left}%">${c}</span>`).join("")}
          </p>
        </div>
        <p data-is="told" role="status"></p>
        <div class="live-band" data-is="band" aria-hidden="true"></div>
        <p class="live-axis">the answers on the straight way from the digit to the minimiser →</p>
      </div>
    </div>
    <p data-is="outcome" role="status"></p>`;

  const weight = (place) => LEAST * 10 ** (place / DECADE);
  const short = (number) => String(Number(number.toPrecision(3)));

  intriguing.part("penalty", PAGE, (parts) => {
    let shown = null; // a digit, a network, a target, and the minimum that is known for each place

    // The lowest minimum that a place's penalty leads to from some images; and the network's answer to it.
    const minimise = async (place, starts) => {
      const now = shown, { network, origin, target, known } = now, c = weight(place);
      for (const start of starts) {
        const found = await intriguing.penalty(network, origin, { target, c, start });
        const value = c * found.distance + found.loss;
        const [answer] = await intriguing.answers(network, [found.pixels]);
        if (now !== shown) throw new Error("something else was chosen");
        if (!(known.get(place)?.value <= value)) known.set(place, { ...found, value, answer });
      }
      return known.get(place);
    };

    // One minimum after the other, each from the one before: the way there and the way back may end in
    // other valleys, of which the lower one is kept.
    const sweep = async (places) => {
      let start = shown.origin;
      for (const place of places) {
        start = (await minimise(place, [start])).pixels;
        draw();
      }
    };

    const around = (place) => {
      const places = [...shown.known.keys()].sort((a, b) => a - b);
      const above = places.findIndex((one) => one > place);
      return places.slice(above - 1, above + 1).map((one) => shown.known.get(one).pixels);
    };

    const reached = () => {
      const hits = [...shown.known].filter(([, { answer }]) => answer === shown.target);
      return hits.map(([place]) => place).sort((a, b) => a - b);
    };

    // The largest place that reaches the target, by halving what is between it and the next.
    const largest = async () => {
      let low = reached().at(-1), high = low + COARSE;
      while (high <= LAST && high - low > FINE) {
        const middle = (low + high) / 2, { answer } = await minimise(middle, around(middle));
        [low, high] = answer === shown.target ? [middle, high] : [low, middle];
        draw();
      }
      return low;
    };

    // -- what is seen -------------------------------------------------------------------------------

    const draw = () => {
      const { known, target, nearest } = shown, place = Number(parts.slider.value);
      const far = Math.max(nearest, ...[...known.values()].map(({ distance }) => distance));
      const height = (distance) => 98 - (90 * distance) / far;
      const dot = (kind, [at, { distance }]) => {
        const here = [(100 * at) / LAST, height(distance)];
        return intriguing.polyline(kind, [here, here]);
      };
      const line = [[0, height(nearest)], [100, height(nearest)]], here = (100 * place) / LAST;
      parts.plot.replaceChildren(
        intriguing.polyline("boundary", line),
        intriguing.polyline("other", [[here, 0], [here, 98]]),
        ...[...known].flatMap((one) =>
          one[1].answer === target ? [dot("hit", one)] : [dot("miss", one), dot("hole", one)]),
        ...(known.has(place) ? [dot("here", [place, known.get(place)])] : []),
      );
      parts.plot.parentElement.style.setProperty("--boundary", `${height(nearest)}%`);
    };

    // The answers on the straight way from the digit to an image, and the part of it that would do.
    const wayTo = async ({ pixels }) => {
      const { network, origin, target } = shown;
      const direction = Float64Array.from(pixels, (value, i) => value - origin[i]);
      const says = async (far) =>
        (await intriguing.answers(network, [intriguing.toward(origin, direction, far)]))[0];
      const way = await intriguing.stretches(says, 1), last = way.find(({ answer }) => answer === target);
      return { direction, way, enough: last && intriguing.percent(last.from) };
    };

    const slide = async () => {
      const now = shown, { target } = now, place = Number(parts.slider.value), c = weight(place);
      const found = now.known.get(place) ?? await minimise(place, around(place));
      const { direction, way, enough } = await wayTo(found);
      if (now !== shown || place !== Number(parts.slider.value)) return;
      const said = found.answer, share = intriguing.percent(Math.exp(-found.loss));
      intriguing.digit(parts.minimiser, found.pixels);
      intriguing.change(parts.change, direction);
      intriguing.band(parts.band, way, way[0].answer);
      parts.says.textContent = said;
      parts.says.classList.toggle("live-wrong", said !== way[0].answer);
      parts.told.textContent = `c = ${short(c)}: a change of length ${short(found.distance)}. `
        + (said === target
          ? `The network says ${said}, with a probability of ${share}; ${enough} of the change would do.`
          : `The network says ${said}.`);
      parts.slider.setAttribute("aria-valuetext", parts.told.textContent);
      draw();
    };

    const summarise = async (top) => {
      const { known, nearest, target } = shown, least = reached()[0], { distance } = known.get(top);
      const more = distance / nearest - 1, percent = intriguing.percent(Math.abs(more));
      const told = Math.abs(more) < SAME ? "as near as" : `${percent} ${more < 0 ? "nearer" : "farther"} than`;
      const { enough } = await wayTo(known.get(least));
      return `The largest c that makes it a ${target}, ${short(weight(top))}, does so at a distance of `
        + `${short(distance)}, ${told} the nearest ${target}. The least, ${short(weight(least))}, goes as far as `
        + `${short(known.get(least).distance)}, though ${enough} of that change would do.`;
    };

    // -- the search ---------------------------------------------------------------------------------

    const find = async ({ pixels: origin, label }) => {
      if (Number(parts.target.value) === label) parts.target.value = (label + 1) % 10;
      for (const option of parts.target.options) option.disabled = option.value === String(label);
      const network = parts.network.value, target = Number(parts.target.value);
      const now = (shown = { origin, label, network, target, known: new Map() });
      parts.slider.disabled = true;
      parts.status.textContent = "Minimising …";
      parts.outcome.textContent = parts.told.textContent = parts.nearest.textContent = "";
      try {
        const { distance } = await intriguing.search(network, origin, { target });
        if (now !== shown) return;
        now.nearest = distance;
        parts.nearest.textContent = `the nearest ${target}: ${short(distance)}`;
        const places = Array.from({ length: LAST / COARSE + 1 }, (_, k) => k * COARSE);
        await sweep(places);
        await sweep(places.reverse());
        if (!reached().length) throw new Error(`No c makes it a ${target}.`);
        const top = await largest();
        parts.slider.value = Math.floor(top);
        parts.slider.disabled = false;
        await slide();
        const outcome = await summarise(top);
        if (now !== shown) return;
        parts.status.textContent = "Move c: the dots are filled where the network says what it is to say.";
        parts.outcome.textContent = outcome;
      } catch (error) {
        if (now === shown) parts.status.textContent = error.message;
      }
    };

    intriguing.networks(parts.network, FIRST.network);
    parts.network.querySelector("[value=ConvNet]").remove(); // its minima take too long
    for (let k = 0; k < 10; k++) parts.target.add(new Option(k, k));
    parts.target.value = FIRST.target;
    const choices = intriguing.choices(parts.digits, find);
    const again = () => shown && find({ pixels: shown.origin, label: shown.label });
    parts.network.addEventListener("change", again);
    parts.target.addEventListener("change", again);
    parts.slider.addEventListener("input", () => slide().catch(() => {})); // another digit was chosen
    choices[FIRST.digit].click();
  });
})();
