// The live page of the introduction: made of the figure in an element of class "live", which stays as
// it is where there are no scripts, and on paper.
(() => {
  const { intriguing } = window;
  const PIXELS = 28 * 28;
  const FIRST = { network: "FC100-100-10", digit: 7 }; // what is shown before anything is pressed
  const FRAMES = 50; // in which a search is shown, however fast it was

  const PAGE = `
    <div class="live-start">
      <div>
        <canvas data-is="pad" class="live-pad" width="560" height="560" role="img"
          aria-label="A pad to draw a digit on, by mouse, finger or pen"></canvas>
        <div class="live-row">
          <span>Draw a digit here.</span>
          <button type="button" data-is="clear">Clear</button>
        </div>
      </div>
      <div>
        <label>Network <select data-is="network"></select></label>
        <div class="live-row live-reading">
          <canvas data-is="seen" width="28" height="28" role="img"
            aria-label="The digit as the network is shown it, in 28 by 28 pixels"></canvas>
          <p role="status">The network sees this, and says <b data-is="says"></b></p>
        </div>
        <p class="live-head" aria-hidden="true"><span>logit</span><span>probability</span></p>
        <ol class="live-bars" data-is="bars" aria-label="Of each digit, the logit and the probability"></ol>
      </div>
    </div>
    <fieldset class="live-digits">
      <legend>Or choose one of the test set, which no network was trained on.</legend>
      <div data-is="digits"></div>
    </fieldset>
    <div class="live-row live-actions">
      <button type="button" data-is="search" class="live-primary">Find the nearest mistake</button>
      <label>as <select data-is="target"><option value="">any other digit</option></select></label>
      <p data-is="status" role="status"></p>
    </div>
    <div class="live-found" data-is="found" hidden></div>`;

  const PROMISE = "The smallest change after which this network says something else.";
  const CAPTION = `Live: the networks, the search and the test digits are those of this book, at work in
    this page. What you see holds for one digit and one network; how near mistakes are on average, and how
    often other networks follow, the chapters measure. A drawing may not look like MNIST, on which all
    networks were trained, and be misread from the start.`;

  const start = (live) => {
    const figure = live.querySelector("figure"), app = document.createElement("div");
    app.className = "live-app";
    app.innerHTML = PAGE;
    const parts = intriguing.named(app), found = intriguing.found(parts.found);
    let pixels = new Float32Array(PIXELS); // what the network is shown
    let turn = 0; // of what is asked: an answer that comes later than the next question is dropped
    let running = null; // an AbortController while a search runs

    // -- reading a digit ----------------------------------------------------------------------------

    const bars = Array.from({ length: 10 }, (_, k) => {
      const bar = document.createElement("li");
      bar.innerHTML = `<span>${k}</span><i></i><span></span><span></span>`;
      parts.bars.append(bar);
      return bar;
    });

    const minus = (number) => number.replace("-", "−");

    const tell = (logits) => {
      const said = intriguing.answer(logits), shares = intriguing.probabilities(logits);
      const low = Math.min(...logits), high = logits[said];
      bars.forEach((bar, k) => {
        const [, , logit, share] = bar.children;
        bar.style.setProperty("--long", (logits[k] - low) / (high - low || 1));
        bar.classList.toggle("live-answer", k === said);
        logit.textContent = minus(logits[k].toFixed(1));
        share.textContent = intriguing.percent(shares[k]);
      });
      if (parts.says.textContent !== String(said)) parts.says.textContent = said;
    };

    const read = async () => {
      const now = ++turn;
      stop();
      parts.found.hidden = true;
      parts.status.textContent = PROMISE;
      intriguing.digit(parts.seen, pixels);
      try {
        const logits = await intriguing.logits(parts.network.value, pixels);
        if (now === turn) tell(logits);
      } catch (error) {
        parts.status.textContent = error.message;
      }
    };

    // -- where it comes from: the pad, or one of the test digits ---------------------------------------

    const uncheck = () => {
      for (const choice of parts.digits.querySelectorAll(":checked")) choice.checked = false;
    };

    const pad = intriguing.pad(parts.pad, () => {
      uncheck();
      pixels = intriguing.centred(pad.strokes);
      read();
    });

    const choose = (digit, picture) => {
      pad.show(picture);
      pixels = digit;
      read();
    };

    // -- the search ---------------------------------------------------------------------------------

    const stop = () => running?.abort();

    const frame = () => new Promise(requestAnimationFrame);

    // Show what a search looks at, image by image, over some frames however fast it is: to see how it
    // comes about.
    const follow = async (origin, seen, search, signal) => {
      let shown = 0, ended = false;
      search.then(() => { ended = true; }, () => { ended = true; });
      while (!ended || shown < seen.length) {
        await frame();
        signal.throwIfAborted();
        shown = Math.min(shown + Math.ceil(seen.length / FRAMES), seen.length);
        if (shown) found.watch(origin, seen.slice(0, shown));
        parts.found.hidden = !shown;
      }
    };

    const search = async () => {
      const network = parts.network.value, origin = pixels, seen = [], { signal } = running;
      const target = parts.target.value === "" ? null : Number(parts.target.value);
      const progress = (step) => seen.push(step);
      const result = intriguing.search(network, origin, { target, progress, signal });
      if (!matchMedia("(prefers-reduced-motion: reduce)").matches) await follow(origin, seen, result, signal);
      const nearest = await result;
      if (nearest.distance === 0) return `It says ${target} already.`;
      parts.found.hidden = false;
      found.watch(origin, seen);
      found.show(network, origin, nearest);
      return described(nearest);
    };

    const described = ({ target, distance }) => {
      const distortion = (distance / Math.sqrt(PIXELS)).toPrecision(2);
      return `Found: it says ${target} at a Euclidean distance of ${distance.toPrecision(3)}, ` +
        `a distortion of ${distortion} a pixel.`;
    };

    const press = async () => {
      if (running) return stop();
      const now = turn;
      running = new AbortController();
      parts.search.textContent = "Stop";
      parts.status.textContent = "Searching …";
      const { signal } = running;
      const failed = ({ message }) => (signal.aborted ? "Stopped." : `Nothing found: ${message}.`);
      const told = await search().catch(failed);
      running = null;
      parts.search.textContent = "Find the nearest mistake";
      if (now === turn) parts.status.textContent = told;
    };

    // -- the beginning ------------------------------------------------------------------------------

    for (let k = 0; k < 10; k++) parts.target.add(new Option(k, k));
    intriguing.networks(parts.network, FIRST.network);
    parts.network.addEventListener("change", read);
    parts.target.addEventListener("change", stop);
    parts.search.addEventListener("click", press);
    parts.clear.addEventListener("click", () => {
      uncheck();
      choose(new Float32Array(PIXELS));
    });

    const choices = intriguing.choices(parts.digits, ({ pixels: digit }, picture) => choose(digit, picture));
    const caption = `<span class="caption-text live-caption">${CAPTION}</span>`;
    figure.querySelector("figcaption .caption-text").insertAdjacentHTML("afterend", caption);
    figure.prepend(app);
    live.classList.add("live-on");
    choices[FIRST.digit].click();
  };

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".live").forEach(start));
})();
