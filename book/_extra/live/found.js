// What the live page shows once a nearest mistake has been found: the change, a way along it, noise of
// the same length, and what the other networks say.
(() => {
  const { intriguing } = window;
  const DRAWS = 100; // of noise
  const ALONG = 2; // how far the slider goes, in lengths of the change
  const STEPS = 40; // of the way along it at which the answer is asked for
  const BISECTIONS = 12; // of a step in which it changes
  const HALVINGS = 50; // of the bracket around the factor of the noise

  const PAGE = `
    <div class="live-tiles">
      <div><canvas data-is="original" width="28" height="28" role="img" aria-label="The digit"></canvas>
        <p>The digit: <b data-is="original-says"></b></p></div>
      <div><canvas data-is="change" width="28" height="28" role="img" aria-label="The change: red where it adds ink, blue where it takes some away"></canvas>
        <p>The change, × <span data-is="magnified"></span></p></div>
      <div><canvas data-is="changed" width="28" height="28" role="img" aria-label="The changed digit"></canvas>
        <p>Changed: <b data-is="changed-says"></b></p></div>
      <div><canvas data-is="noise" width="28" height="28" role="img" aria-label="The digit with noise of the same length"></canvas>
        <p>As much noise: <b data-is="noise-says"></b></p></div>
    </div>
    <div class="live-controls">
      <div class="live-slide">
        <label>How much of the change <input data-is="slider" type="range" min="0" max="${100 * ALONG}" step="1"></label>
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
          <svg data-is="way" viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="The lead of the wrong answer against the distance from the digit, for every image that the search looked at: from the left below the boundary up to it, then along it to the left"></svg>
          <span>the answer changes</span>
        </div>
        <p class="live-axis">distance from the digit →</p>
        <p data-is="walks"></p>
      </div>
      <div>
        <p class="live-title">What the networks say</p>
        <table><thead><tr><th scope="col">network</th><th scope="col">digit</th><th scope="col">changed</th><th scope="col">noise</th></tr></thead>
          <tbody data-is="networks"></tbody></table>
        <p data-is="transfer"></p>
      </div>
    </div>`;

  const { answer, percent, probabilities } = intriguing;

  const length = (values) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  const clip = (value) => Math.min(Math.max(value, 0), 1);
  const toward = (origin, direction, factor) => origin.map((value, i) => clip(value + factor * direction[i]));

  // Standard normal numbers, by Box and Muller.
  const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

  // The image moved along Gaussian noise until it is exactly so far away: what the box takes is made
  // up for by going further, as perturb.at_length does.
  const noisy = (origin, distance) => {
    const direction = Float64Array.from(origin, normal);
    let low = 0, high = 1;
    const short = (factor) => length(toward(origin, direction, factor).map((value, i) => value - origin[i])) < distance;
    while (short(high) && high < 1e6) high *= 2;
    for (let halving = 0; halving < HALVINGS; halving++) {
      const middle = (low + high) / 2;
      [low, high] = short(middle) ? [middle, high] : [low, middle];
    }
    return toward(origin, direction, high);
  };

  // The stretches of the way along the change, each with its answer, and where it begins and ends.
  const stretches = async (says) => {
    const places = Array.from({ length: STEPS + 1 }, (_, step) => (ALONG * step) / STEPS);
    const answers = await Promise.all(places.map(says)), found = [{ from: 0, answer: answers[0] }];
    for (let step = 1; step <= STEPS; step++) {
      if (answers[step] === answers[step - 1]) continue;
      let [low, high] = [places[step - 1], places[step]];
      for (let halving = 0; halving < BISECTIONS; halving++) {
        const middle = (low + high) / 2;
        [low, high] = (await says(middle)) === answers[step - 1] ? [middle, high] : [low, middle];
      }
      found.push({ from: high, answer: answers[step] });
    }
    return found.map((stretch, place) => ({ ...stretch, to: found[place + 1]?.from ?? ALONG }));
  };

  const CELL = { digit: 0, changed: 1, noise: 2 }; // columns of the table of networks

  /**
   * The part of the page that shows what was found.
   *
   * @param {HTMLElement} box - is filled with it
   * @returns {{watch: function, show: function}} `watch(origin, seen)` shows a search as far as it has
   *   come, `show({network, origin, found})` what it has found
   */
  intriguing.found = (box) => {
    box.innerHTML = PAGE;
    const parts = Object.fromEntries(Array.from(box.querySelectorAll("[data-is]"), (part) => [part.dataset.is, part]));
    const rows = Object.entries(intriguing.NETWORKS).map(([network, words]) => {
      const row = parts.networks.insertRow(), name = document.createElement("th");
      name.scope = "row";
      name.textContent = words;
      row.append(name);
      return { network, row, cells: Object.keys(CELL).map(() => row.insertCell()), answers: [] };
    });
    let shown = null; // what is shown now: an answer that comes later than the next one is dropped

    const says = (pixels) => intriguing.logits(shown.network, pixels).then(intriguing.answer);
    const along = (factor) => toward(shown.origin, shown.direction, factor);

    const tile = async (name, pixels) => {
      const now = shown;
      intriguing.digit(parts[name], pixels);
      const said = await says(pixels);
      if (now !== shown) return null;
      parts[`${name}-says`].textContent = said;
      parts[`${name}-says`].classList.toggle("live-wrong", said !== shown.before);
      return said;
    };

    // What every network says to an image, in a column of the table; marked where it says something
    // else to the digit.
    const column = async (name, pixels) => {
      const now = shown, turn = (now.turns[name] = (now.turns[name] ?? 0) + 1);
      await Promise.all(rows.map(async ({ network, cells, answers }) => {
        const said = intriguing.answer(await intriguing.logits(network, pixels));
        await (name === "digit" || now.known);
        if (now !== shown || turn !== now.turns[name]) return;
        answers[CELL[name]] = said;
        const other = said !== answers[CELL.digit];
        cells[CELL[name]].innerHTML = other ? `<b class="live-wrong">${said}</b>` : said;
      }));
      if (now === shown && turn === now.turns[name]) tellTransfer();
    };

    const tellTransfer = () => {
      const others = rows.filter(({ network }) => network !== shown.network);
      const fooled = (name) => {
        const count = others.filter(({ answers }) => (answers[CELL[name]] ?? answers[0]) !== answers[0]).length;
        return count === others.length ? "all" : count || "none";
      };
      parts.transfer.textContent = `At ${parts.slider.value}\u00a0%, the change fools ${fooled("changed")} of the ${others.length} other networks, the noise ${fooled("noise")}.`;
    };

    const slide = async () => {
      const percents = parts.slider.value, image = along(percents / 100);
      column("changed", image);
      const said = await tile("changed", image);
      if (said !== null) parts.slider.setAttribute("aria-valuetext", `${percents} %: the network says ${said}`);
    };

    const band = async () => {
      const now = shown, found = await stretches((factor) => says(along(factor)));
      if (now !== shown) return;
      parts.band.replaceChildren(...found.map(({ from, to, answer }) => {
        const stretch = document.createElement("span");
        stretch.style.flexGrow = to - from;
        stretch.classList.toggle("live-wrong", answer !== shown.before);
        stretch.textContent = answer;
        return stretch;
      }));
      parts.flip.textContent = found.length > 1 ? `The answer changes at ${intriguing.percent(found[0].to)} of the change: the search ends at the boundary.` : "";
    };

    const redraw = () => {
      const image = noisy(shown.origin, shown.found.distance);
      tile("noise", image);
      return column("noise", image);
    };

    const draws = async () => {
      const now = shown;
      parts.draws.textContent = "";
      const answers = await Promise.all(Array.from({ length: DRAWS }, () => says(noisy(now.origin, now.found.distance))));
      if (now !== shown) return;
      const moved = answers.filter((said) => said !== now.before).length;
      parts.draws.textContent = `Of ${DRAWS} such draws, ${moved || "none"} change${moved === 1 ? "s" : ""} the answer.`;
    };

    const watch = (origin, seen) => {
      const { pixels } = seen.at(-1);
      box.classList.add("live-searching");
      intriguing.digit(parts.original, origin);
      intriguing.digit(parts.changed, pixels);
      intriguing.change(parts.change, pixels.map((value, i) => value - origin[i]));
      intriguing.way(parts.way, seen);
      const targets = [...new Set(seen.map(({ target }) => target))], last = targets.at(-1);
      parts.walks.textContent = targets.length > 1
        ? `Upwards, the lead of ${targets.slice(0, -1).join(", ")} and ${last} over all other answers, on a walk to each.`
        : `Upwards, the lead of ${last} over all other answers, on a walk to it.`;
    };

    const show = async ({ network, origin, found }) => {
      const direction = Float64Array.from(found.pixels, (value, i) => value - origin[i]);
      shown = { network, origin, found, direction, turns: {}, before: null, known: null };
      const now = shown;
      now.before = intriguing.answer(await intriguing.logits(network, origin));
      if (now !== shown) return;
      box.classList.remove("live-searching");
      for (const { row, cells, network: one } of rows) {
        row.classList.toggle("live-own", one === network);
        for (const cell of cells) cell.textContent = "…";
      }
      intriguing.change(parts.change, direction);
      parts.magnified.textContent = (1 / Math.max(...direction.map(Math.abs))).toFixed(1);
      parts.slider.value = 100;
      tile("original", origin);
      now.known = column("digit", origin);
      await Promise.all([slide(), band(), redraw(), draws()]);
    };

    parts.slider.addEventListener("input", slide);
    parts.redraw.addEventListener("click", () => { redraw(); draws(); });
    return { watch, show };
  };
})();
