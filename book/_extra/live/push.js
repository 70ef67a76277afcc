// A change that was made for one network, pushed further: from where on it fools the others, and what
// noise of the same length does.
(() => {
  const { intriguing } = window;
  const SIDE = 28; // a distortion of d is a distance of 28 d
  const MOST = 0.2; // as far as the slider goes, in distortion
  const PAPER = 0.1; // to which the paper amplifies
  const FIRST = { network: "FC100-100-10", digit: 8 };

  const PAGE = `
    ${intriguing.CHOOSER}
    <div class="live-row live-actions">
      <label>A mistake is made for <select data-is="network"></select></label>
      <button type="button" data-is="redraw">Draw other noise</button>
      <p data-is="status" role="status"></p>
    </div>
    <div class="live-pushed">
      <div>
        <canvas data-is="changed" width="28" height="28" role="img"
          aria-label="The digit, changed so far"></canvas>
        <p>The change</p>
        <canvas data-is="noisy" width="28" height="28" role="img"
          aria-label="The digit with as much noise"></canvas>
        <p>As much noise</p>
      </div>
      <div>
        <div class="live-slide">
          <label>Pushed to a distortion of <b data-is="told"></b>
            <input data-is="slider" type="range" min="0" max="${1000 * MOST}" step="1"></label>
        </div>
        <div class="live-bands" data-is="bands" role="table"
          aria-label="What each network says to the change and to noise, at this distortion">
          <div class="live-columns" role="row"><span role="columnheader">network</span>
            <span role="columnheader">change</span> <span role="columnheader">noise</span></div>
        </div>
        <p class="live-axis">distortion, up to ${MOST} →</p>
        <p data-is="outcome" role="status"></p>
      </div>
    </div>`;

  intriguing.part("push", PAGE, (parts) => {
    let shown = null; // the digit, and what was found for it: what comes later for another is dropped

    // A row for each network: its name, and the bands of the change and of noise.
    const rows = Object.entries(intriguing.digits.networks).map(([network, words]) => {
      const row = document.createElement("div");
      row.role = "row";
      row.innerHTML = `<span role="rowheader">${words}</span>
        <span role="cell"></span> <span role="cell"></span>
        <div aria-hidden="true"><div class="live-band"></div><div class="live-band live-noise"></div></div>`;
      parts.bands.append(row);
      const each = (selector) => {
        const [change, noise] = row.querySelectorAll(selector);
        return { change, noise };
      };
      return { network, row, bands: each(".live-band"), cells: each("[role=cell]"), found: {} };
    });
    // Two lines through all bands: where the slider is, and where the paper stopped.
    const line = (kind, text) => {
      const drawn = document.createElement("i");
      drawn.className = kind;
      drawn.textContent = text;
      drawn.setAttribute("aria-hidden", "true");
      parts.bands.append(drawn);
      return drawn;
    };
    line("live-paper", "the paper’s 0.1").style.setProperty("--at", PAPER / MOST);
    const place = line("live-place", "");

    const at = () => parts.slider.value / 1000;

    const images = {
      change: (now, far) => intriguing.toward(now.origin, now.direction, far * SIDE),
      // As long as the change is, once the box has cut it.
      noise: (now, far) =>
        intriguing.away(now.origin, now.noise, intriguing.moved(now.origin, now.direction, far * SIDE)),
    };

    // The bands of one kind, network after network.
    const fill = async (kind) => {
      const now = shown, turn = (now[`${kind} turn`] = (now[`${kind} turn`] ?? 0) + 1);
      for (const { network, bands, found } of rows) {
        const says = async (far) => (await intriguing.answers(network, [images[kind](now, far)]))[0];
        const stretches = await intriguing.stretches(says, MOST);
        if (now !== shown || turn !== now[`${kind} turn`]) return;
        found[kind] = stretches;
        intriguing.band(bands[kind], stretches, found.before ?? (found.before = stretches[0].answer));
        slide();
      }
    };

    // A row's answer where the slider is, as soon as it is known.
    const answer = ({ found }, kind) => found[kind]?.find(({ to }) => to > at() || to === MOST)?.answer;
    const fooled = (row, kind) => (answer(row, kind) ?? row.found.before) !== row.found.before;

    const tell = (row, kind) => {
      const said = answer(row, kind) ?? "…";
      row.cells[kind].innerHTML = fooled(row, kind) ? `<b class="live-wrong">${said}</b>` : said;
    };

    const slide = () => {
      const far = at(), others = rows.filter(({ network }) => network !== parts.network.value);
      intriguing.digit(parts.changed, images.change(shown, far));
      intriguing.digit(parts.noisy, images.noise(shown, far));
      parts.told.textContent = far.toFixed(3);
      parts.slider.setAttribute("aria-valuetext", `a distortion of ${far.toFixed(3)}`);
      place.style.setProperty("--at", far / MOST);
      for (const row of rows) Object.keys(images).forEach((kind) => tell(row, kind));
      if (!rows.every(({ found }) => found.change && found.noise)) return; // not all are known yet
      const wrong = (kind) => others.filter((row) => fooled(row, kind)).length;
      const [change, noise] = Object.keys(images).map((kind) => wrong(kind) || "none");
      parts.outcome.textContent =
        `There the change fools ${change} of the ${others.length} other networks, noise ${noise}.`;
    };

    const redraw = () => {
      shown.noise = Float64Array.from(shown.origin, intriguing.normal);
      return fill("noise");
    };

    const find = async (origin) => {
      const network = parts.network.value, now = (shown = { origin });
      parts.status.textContent = "Searching …";
      try {
        const { pixels, distance } = await intriguing.search(network, origin);
        if (now !== shown) return;
        now.direction = Float64Array.from(pixels, (value, i) => (value - origin[i]) / distance);
        now.noise = Float64Array.from(origin, intriguing.normal);
        for (const row of rows) {
          row.found = {};
          row.row.classList.toggle("live-own", row.network === network);
        }
        parts.slider.value = 1000 * PAPER;
        parts.outcome.textContent = "";
        const nearest = (distance / SIDE).toFixed(3);
        parts.status.textContent =
          `The nearest mistake has a distortion of ${nearest}; the paper pushes to ${PAPER}.`;
        await fill("change");
        if (now === shown) await fill("noise");
      } catch (error) {
        if (now === shown) parts.status.textContent = error.message;
      }
    };

    intriguing.networks(parts.network, FIRST.network);
    const choices = intriguing.choices(parts.digits, ({ pixels }) => find(pixels));
    parts.network.addEventListener("change", () => shown && find(shown.origin));
    parts.slider.addEventListener("input", () => shown?.direction && slide());
    parts.redraw.addEventListener("click", () => shown?.direction && redraw());
    choices[FIRST.digit].click();
  });
})();
