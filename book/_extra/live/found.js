// What the live page shows once a nearest mistake has been found: the change, a way along it, noise of
// the same length, and what the other networks say.
(() => {
  const { intriguing } = window;
  const DRAWS = 100; // of noise
  const ALONG = 2; // how far the slider goes, in lengths of the change

  const PAGE = `
    <div class="live-tiles">
      <div>
        <canvas data-is="original" width="28" height="28" role="img" aria-label="The digit"></canvas>
        <p>The digit: <b data-is="original-says"></b></p>
      </div>
      <div>
        <canvas data-is="change" width="28" height="28" role="img"
          aria-label="The change: red where it adds ink, blue where it takes some away"></canvas>
        <p>The change, × <span data-is="magnified"></span></p>
      </div>
      <div>
        <canvas data-is="changed" width="28" height="28" role="img"
          aria-label="The changed digit"></canvas>
        <p>Changed: <b data-is="changed-says"></b></p>
      </div>
      <div>
        <canvas data-is="noise" width="28" height="28" role="img"
          aria-label="The digit with noise of the same length"></canvas>
        <p>As much noise: <b data-is="noise-says"></b></p>
      </div>
    </div>
    <div class="live-controls">
      <div class="live-slide">
        <label>How much of the change
          <input data-is="slider" type="range" min="0" max="${100 * ALONG}" step="1"></label>
        <div class="live-band" data-is="band" aria-hidden="true"></div>
        <p data-is="flip"></p>
      </div>
      <div class="live-draws">
        <button type="button" data-is="redraw">Draw other noise</button>
        <p data-is="draws" role="status"></p>
      </div>
    </div>
    <div class="live-evidence">
      <div>
        <p class="live-title">How it was found</p>
        <div class="live-way">
          <svg data-is="way" viewBox="0 0 100 100" preserveAspectRatio="none" role="img"
            aria-label="The lead of the wrong answer, against the distance from the digit, of every image
              that the search looked at: up to the boundary, then along it towards the digit"></svg>
          <span>the answer changes</span>
        </div>
        <p class="live-axis">distance from the digit →</p>
        <p data-is="walks"></p>
      </div>
      <div>
        <p class="live-title">What the networks say</p>
        <table>
          <thead><tr><th scope="col">network</th><th scope="col">digit</th>
            <th scope="col">changed</th><th scope="col">noise</th></tr></thead>
          <tbody data-is="networks"></tbody>
        </table>
        <p data-is="transfer"></p>
      </div>
    </div>`;

  const CELL = { digit: 0, changed: 1, noise: 2 }; // columns of the table of networks

  /**
   * The part of the page that shows what was found.
   *
   * @param {HTMLElement} box - is filled with it
   * @returns {{watch: function, show: function}} `watch(origin, seen)` shows how far a search has come,
   *   `show(network, origin, found)` what it has found
   */
  intriguing.found = (box) => {
    box.innerHTML = PAGE;
    const parts = intriguing.named(box), rows = Object.entries(intriguing.digits.networks).map(row);
    let shown = null; // what is shown now: what is answered after something else is shown is dropped

    function row([network, words]) {
      const line = parts.networks.insertRow(), name = document.createElement("th");
      name.scope = "row";
      name.textContent = words;
      line.append(name);
      return { network, line, cells: Object.keys(CELL).map(() => line.insertCell()), answers: [] };
    }

    const says = async (network, pixels) => intriguing.answer(await intriguing.logits(network, pixels));
    const along = (factor) => intriguing.toward(shown.origin, shown.direction, factor);

    // -- the four images ----------------------------------------------------------------------------

    const tile = async (name, pixels) => {
      const now = shown, told = parts[`${name}-says`];
      intriguing.digit(parts[name], pixels);
      const said = await says(now.network, pixels);
      if (now !== shown) return;
      told.textContent = said;
      told.classList.toggle("live-wrong", said !== now.before);
      if (name === "changed") {
        parts.slider.setAttribute("aria-valuetext", `${parts.slider.value} %: the network says ${said}`);
      }
    };

    // -- what every network says --------------------------------------------------------------------

    // A column of the table; an answer that is not that to the digit is marked.
    const column = async (name, pixels) => {
      const now = shown, turn = (now.turns[name] = (now.turns[name] ?? 0) + 1);
      const fill = async ({ network, cells, answers }) => {
        const said = await says(network, pixels);
        if (name !== "digit") await now.known; // what they say to the digit itself
        if (now !== shown || turn !== now.turns[name]) return;
        answers[CELL[name]] = said;
        const other = said !== answers[CELL.digit];
        cells[CELL[name]].innerHTML = other ? `<b class="live-wrong">${said}</b>` : said;
      };
      await Promise.all(rows.map(fill));
      if (now === shown && turn === now.turns[name]) tellTransfer();
    };

    const tellTransfer = () => {
      const others = rows.filter(({ network }) => network !== shown.network);
      const fooled = (name) => {
        const of = ({ answers }) => (answers[CELL[name]] ?? answers[CELL.digit]) !== answers[CELL.digit];
        const count = others.filter(of).length;
        return count === others.length ? "all" : count || "none";
      };
      const [change, noise] = ["changed", "noise"].map(fooled), share = `${parts.slider.value}\u00a0%`;
      parts.transfer.textContent =
        `At ${share}, the change fools ${change} of the ${others.length} other networks, the noise ${noise}.`;
    };

    // -- along the change ---------------------------------------------------------------------------

    const slide = () => {
      const image = along(parts.slider.value / 100);
      return Promise.all([tile("changed", image), column("changed", image)]);
    };

    const band = async () => {
      const now = shown, found = await intriguing.stretches((factor) => says(now.network, along(factor)), ALONG);
      if (now !== shown) return;
      intriguing.band(parts.band, found, now.before);
      const change = intriguing.percent(found[0].to);
      parts.flip.textContent =
        `The answer changes at ${change} of the change: the search ends at the boundary.`;
    };

    // -- noise --------------------------------------------------------------------------------------

    const redraw = () => {
      const image = intriguing.noisy(shown.origin, shown.distance);
      return Promise.all([tile("noise", image), column("noise", image)]);
    };

    const draws = async () => {
      const now = shown;
      const images = Array.from({ length: DRAWS }, () => intriguing.noisy(now.origin, now.distance));
      const answers = Array.from(await intriguing.answers(now.network, images));
      if (now !== shown) return;
      const count = answers.filter((said) => said !== now.before).length;
      const change = count === 1 ? "changes" : "change";
      parts.draws.textContent = `Of ${DRAWS} such draws, ${count || "none"} ${change} the answer.`;
    };

    // -- the search and its end ---------------------------------------------------------------------

    const showChange = (change) => {
      const most = Math.max(...change.map(Math.abs));
      intriguing.change(parts.change, change);
      parts.magnified.textContent = most > 0 ? (1 / most).toFixed(1) : "1";
    };

    const watch = (origin, seen) => {
      const { pixels } = seen.at(-1);
      box.classList.add("live-searching");
      intriguing.digit(parts.original, origin);
      intriguing.digit(parts.changed, pixels);
      showChange(pixels.map((value, i) => value - origin[i]));
      intriguing.way(parts.way, seen);
      const targets = [...new Set(seen.map(({ target }) => target))].join(", ").replace(/, (\d)$/, " and $1");
      parts.walks.textContent = `Upwards, the lead of ${targets} over all other answers, on a walk to each.`;
    };

    const show = async (network, origin, { pixels, distance }) => {
      const direction = Float64Array.from(pixels, (value, i) => value - origin[i]);
      const now = (shown = { network, origin, distance, direction, turns: {} });
      now.before = await says(network, origin);
      if (now !== shown) return;
      for (const { line, cells, answers, network: one } of rows) {
        line.classList.toggle("live-own", one === network);
        for (const cell of cells) cell.textContent = "…";
        answers.length = 0;
      }
      showChange(direction);
      parts.slider.value = 100;
      parts.draws.textContent = "";
      box.classList.remove("live-searching");
      now.known = column("digit", origin);
      await Promise.all([tile("original", origin), slide(), band(), redraw(), draws()]);
    };

    parts.slider.addEventListener("input", slide);
    parts.redraw.addEventListener("click", () => Promise.all([redraw(), draws()]));
    return { watch, show };
  };
})();
