// A plane through a digit, its nearest mistake and noise, coloured by what a network answers there;
// with the circles that a search has found and that a proof allows, and a point that a reader moves.
(() => {
  const { intriguing } = window;
  const FIRST = { network: "FC100-100-10", digit: 8 };
  const REACHES = [1.25, 2.5, 5, 10]; // of the plane, to each side: the first that leaves some room
  const ROOM = 1.25; // how much farther than the nearest mistake it is to go
  const FINE = 256; // steps from one side of the plane to the other, once all is drawn
  const COARSE = 32; // of these, between the points that are asked for first
  const ALL = 8; // down to so many every point is asked for, below only those beside a border
  const CHUNK = 64; // points that are asked for at once
  const UNKNOWN = 255;
  const STEP = 0.02; // of the reach, that an arrow key goes; five times as far with Shift
  // As in the figures: blue for the right answer, the others in the order in which they are met.
  const RIGHT = [0, 114, 178, 56];
  const OTHERS = [[213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233], [106, 112, 121]]
    .map((colour) => [...colour, 128]);

  const PAGE = `
    ${intriguing.CHOOSER}
    <div class="live-row live-actions">
      <label>Network <select data-is="network"></select></label>
      <button type="button" data-is="redraw">Draw other noise</button>
      <p data-is="status" role="status"></p>
    </div>
    <div class="live-plane-parts">
      <div>
        <div class="live-sheet" data-is="sheet">
          <canvas data-is="picture" width="${FINE + 1}" height="${FINE + 1}" role="img"
            aria-label="The plane, coloured by the network's answer"></canvas>
          <svg data-is="marks" viewBox="-100 -100 200 200" aria-hidden="true"></svg>
          <div data-is="point" class="live-point" role="slider" tabindex="0" aria-valuemin="-100"
            aria-valuemax="100" aria-valuenow="0" aria-label="A point of the plane"
            aria-describedby="live-plane-keys"></div>
        </div>
        <p class="live-axis"><span data-is="upwards"></span><span data-is="across"></span></p>
      </div>
      <div>
        <div class="live-row live-reading">
          <canvas data-is="seen" width="28" height="28" role="img" aria-label="The image there"></canvas>
          <p>The image at the point: <b data-is="says"></b></p>
        </div>
        <p data-is="place"></p>
        <ul class="live-key" data-is="key" aria-label="What the colours and lines are"></ul>
        <p class="live-hint" id="live-plane-keys">Drag the point, or move it by the arrow keys; Home leads to the
          digit, End to the mistake.</p>
      </div>
    </div>`;

  const inner = (one, other) => one.reduce((sum, value, i) => sum + value * other[i], 0);
  const unit = (direction) => {
    const length = Math.sqrt(inner(direction, direction));
    return direction.map((value) => value / length);
  };

  // The direction to a mistake, and what noise has at a right angle to it: each of length 1.
  const directions = (origin, mistake) => {
    const across = unit(Float64Array.from(mistake, (value, i) => value - origin[i]));
    const noise = Float64Array.from(origin, intriguing.normal), along = inner(noise, across);
    return { across, upwards: unit(noise.map((value, i) => value - along * across[i])) };
  };

  // The image at a point of the plane, cut to [0, 1] as in the figures.
  const image = ({ origin, across, upwards }, x, y) =>
    Float32Array.from(origin, (value, i) => Math.min(Math.max(value + x * across[i] + y * upwards[i], 0), 1));

  // -- what is asked for, from coarse to fine ---------------------------------------------------------

  const at = (column, row) => row * (FINE + 1) + column;

  // The points of the next coarser grid that surround one, up to four.
  const around = (column, row, step) => {
    const sides = (place) => (place % (2 * step) ? [place - step, place + step] : [place]);
    return sides(row).flatMap((y) => sides(column).map((x) => at(x, y)));
  };

  // The points of a grid that are not known yet. On a fine one those take the answer of the points
  // around them where these agree, so that only borders are looked at closely.
  const wanted = (told, step) => {
    const places = [];
    for (let row = 0; row <= FINE; row += step) {
      for (let column = 0; column <= FINE; column += step) {
        if (told[at(column, row)] !== UNKNOWN) continue;
        const [first, ...others] = around(column, row, step).map((place) => told[place]);
        if (step < ALL && others.every((answer) => answer === first)) told[at(column, row)] = first;
        else places.push([column, row]);
      }
    }
    return places;
  };

  // A place of each region for its digit: as far as it can be from other regions and from the edge,
  // outside of the circle where some of the region is.
  const roomiest = (told, radius) => {
    const step = FINE / 32, points = [];
    for (let row = 0; row <= FINE; row += step) {
      for (let column = 0; column <= FINE; column += step) {
        points.push({ column, row, answer: told[at(column, row)] });
      }
    }
    const best = new Map(), middle = FINE / 2;
    for (const point of points) {
      const { column, row, answer } = point;
      let room = Math.min(column, row, FINE - column, FINE - row) + step;
      for (const other of points) {
        if (other.answer === answer) continue;
        room = Math.min(room, Math.hypot(other.column - column, other.row - row));
      }
      if (Math.hypot(column - middle, row - middle) < radius) room -= FINE;
      if (!(best.get(answer)?.room >= room)) best.set(answer, { ...point, room });
    }
    return [...best.values()];
  };

  intriguing.part("plane", PAGE, (parts) => {
    let shown = null; // the digit, its mistake and the plane; what comes later for another is dropped
    let running = new AbortController(); // ends what is still computed for what was shown before
    let point = { x: 0, y: 0 }; // in lengths of l2
    const radii = intriguing.script("radii").then(() => intriguing.radii);

    const restart = () => {
      running.abort();
      running = new AbortController();
      return running.signal;
    };

    // From a length in the plane to one in the SVG: its edge is half a step beyond the last points.
    const scaled = (length) => (100 * length * FINE) / (shown.reach * (FINE + 1));

    // -- the picture --------------------------------------------------------------------------------

    const colour = (answer) => {
      const { label, met } = shown;
      if (answer === label) return RIGHT;
      if (!met.includes(answer)) met.push(answer);
      return OTHERS[met.indexOf(answer) % OTHERS.length];
    };

    const paint = (told, step) => {
      const picture = new ImageData(FINE + 1, FINE + 1), nearest = (place) => step * Math.round(place / step);
      for (let row = 0; row <= FINE; row++) {
        for (let column = 0; column <= FINE; column++) {
          const answer = told[at(nearest(column), nearest(row))];
          if (answer !== UNKNOWN) picture.data.set(colour(answer), 4 * at(column, row));
        }
      }
      parts.picture.getContext("2d").putImageData(picture, 0, 0);
    };

    const length = (value) => value.toPrecision(3);

    const mark = (told = null) => {
      const { distance, proved, reach } = shown, star = scaled(distance);
      const words = told ? roomiest(told, (distance / reach) * (FINE / 2)) : [];
      const place = (value) => (200 * (value + 0.5)) / (FINE + 1) - 100;
      parts.marks.innerHTML = `
        ${proved ? `<circle class="live-proved" r="${scaled(proved)}"/>` : ""}
        <circle class="live-nearest" r="${star}"/>
        ${words.map(({ column, row, answer, room }) => (Math.abs(room) < 9 ? ""
          : `<text x="${place(column)}" y="${place(row)}" dy="0.35em">${answer}</text>`)).join("")}
        <text class="live-star" x="${star}" dy="0.35em">★</text>`;
    };

    const key = (told) => {
      const { distance, proved, label, met } = shown;
      const rows = [label, ...met].map((answer) => {
        const share = told.filter((value) => value === answer).length / told.length;
        const swatch = `background: rgb(${colour(answer).slice(0, 3).join()}, ${colour(answer)[3] / 255})`;
        return `<li><i style="${swatch}"></i>${answer}${answer === label ? ", the right answer" : ""}:
          ${intriguing.percent(share)} of the square</li>`;
      });
      const line = (kind, words) => `<li><i class="live-line ${kind}"></i>${words}</li>`;
      parts.key.innerHTML = rows.join("")
        + (proved ? line("live-proved", `proved: no mistake within ${length(proved)}`) : "")
        + line("live-nearest", `found: a mistake at ${length(distance)}`)
        + '<li><i class="live-line">★</i>the mistake</li>';
    };

    const draw = async (signal) => {
      const now = shown, told = new Uint8Array((FINE + 1) ** 2).fill(UNKNOWN);
      const coordinate = (place) => now.reach * ((2 * place) / FINE - 1);
      now.met = [now.target];
      mark();
      parts.picture.dataset.step = "";
      for (let step = COARSE; step >= 1; step /= 2) {
        const places = wanted(told, step);
        for (let first = 0; first < places.length; first += CHUNK) {
          const some = places.slice(first, first + CHUNK);
          const images = some.map(([column, row]) => image(now, coordinate(column), -coordinate(row)));
          const answers = await intriguing.answers(now.name, images, { signal });
          some.forEach(([column, row], i) => { told[at(column, row)] = answers[i]; });
        }
        paint(told, step);
        parts.picture.dataset.step = step;
      }
      mark(told);
      key(told);
    };

    // -- the point ----------------------------------------------------------------------------------

    const move = async (x, y) => {
      const now = shown, clip = (value) => Math.min(Math.max(value, -now.reach), now.reach);
      const here = (point = { x: clip(x), y: clip(y) });
      const there = image(now, here.x, here.y);
      parts.point.style.setProperty("--x", `${50 + scaled(here.x) / 2}%`);
      parts.point.style.setProperty("--y", `${50 - scaled(here.y) / 2}%`);
      intriguing.digit(parts.seen, there);
      const [said] = await intriguing.answers(now.name, [there]);
      if (here !== point || now !== shown) return;
      const far = Math.sqrt(inner(there.map((value, i) => (value - now.origin[i]) ** 2), there.fill(1)));
      parts.says.textContent = said;
      parts.says.classList.toggle("live-wrong", said !== now.label);
      parts.place.textContent = `It is ${far.toFixed(2)} from the digit (l2).`;
      const sign = (value) => value.toFixed(2).replace("-", "−");
      parts.point.setAttribute("aria-valuenow", Math.round((100 * here.x) / now.reach));
      parts.point.setAttribute("aria-valuetext",
        `${sign(here.x)} towards the mistake, ${sign(here.y)} along the noise: the network says ${said}`);
    };

    const press = (event) => {
      const step = STEP * shown.reach * (event.shiftKey ? 5 : 1), { x, y } = point;
      const to = {
        ArrowLeft: [x - step, y], ArrowRight: [x + step, y], ArrowDown: [x, y - step], ArrowUp: [x, y + step],
        Home: [0, 0], End: [shown.distance, 0],
      }[event.key];
      if (!to) return;
      event.preventDefault();
      move(...to);
    };

    const follow = ({ clientX, clientY }) => {
      const { left, top, width, height } = parts.sheet.getBoundingClientRect();
      const side = (share) => ((2 * share - 1) * shown.reach * (FINE + 1)) / FINE;
      move(side((clientX - left) / width), -side((clientY - top) / height));
    };

    // -- the beginning ------------------------------------------------------------------------------

    const redraw = () => {
      const signal = restart();
      Object.assign(shown, directions(shown.origin, shown.mistake));
      move(point.x, point.y);
      return draw(signal).catch(failed(signal));
    };

    const failed = (signal) => (error) => {
      if (!signal.aborted) parts.status.textContent = error.message;
    };

    const find = async ({ pixels: origin, label, row }) => {
      const signal = restart(), name = parts.network.value;
      parts.status.textContent = "Searching …";
      try {
        const { pixels: mistake, target, distance } = await intriguing.search(name, origin, { signal });
        const proved = (await radii)[name]?.[row];
        signal.throwIfAborted();
        const reach = REACHES.find((far) => far >= ROOM * distance) ?? REACHES.at(-1);
        shown = { name, origin, label, row, mistake, target, distance, proved, reach };
        parts.status.textContent = `The nearest mistake that was found: it says ${target}, at a distance of ${length(distance)}.`;
        parts.across.textContent = `towards the mistake, to ${reach} (l2) →`;
        parts.upwards.textContent = `↑ noise, to ${reach}`;
        point = { x: 0, y: 0 };
        await redraw();
      } catch (error) {
        failed(signal)(error);
      }
    };

    let digit = null;
    intriguing.networks(parts.network, FIRST.network);
    const choices = intriguing.choices(parts.digits, (chosen) => find((digit = chosen)));
    parts.network.addEventListener("change", () => find(digit));
    parts.redraw.addEventListener("click", () => shown && redraw());
    parts.point.addEventListener("keydown", (event) => shown && press(event));
    parts.sheet.addEventListener("click", (event) => shown && follow(event));
    parts.point.addEventListener("pointerdown", ({ pointerId }) => parts.point.setPointerCapture(pointerId));
    parts.point.addEventListener("pointermove", (event) => {
      if (shown && parts.point.hasPointerCapture(event.pointerId)) follow(event);
    });
    choices[FIRST.digit].click();
  });
})();
