// From a unit to a random direction of the same layer: the ten test images with the largest inner
// product at each angle between the two, and how many of them share a digit.
(() => {
  const { intriguing } = window;
  const SIDE = 28; // pixels of a digit
  const TOP = 10; // images that are shown
  const QUARTER = 90; // degrees from the unit to the random direction
  const STEP = 3; // degrees, of the curve

  const PAGE = `
    <div class="live-row live-actions">
      <label>Unit <select data-is="unit"></select></label>
      <button type="button" data-is="redraw">Draw another random direction</button>
      <p data-is="status" role="status">Loading the layer …</p>
    </div>
    <div class="live-slide">
      <label>Turned from the unit towards the random direction by <b data-is="angle">0°</b>
        <input data-is="slider" type="range" min="0" max="${QUARTER}" step="1" value="0"></label>
      <p class="live-ends" aria-hidden="true"><span>the unit</span><span>the random direction</span></p>
    </div>
    <ol class="live-strip" data-is="strip" aria-label="The ten images with the largest inner product, the largest first"></ol>
    <p class="live-title">How many of the ten share a digit</p>
    <div class="live-way live-purity">
      <svg data-is="curve" viewBox="0 0 100 100" preserveAspectRatio="none" role="img"
        aria-label="How many of the ten images share a digit, at each angle"></svg>
      <span class="live-most">all ten</span><span class="live-none">none</span>
    </div>
    <p class="live-axis">angle, from the unit (0°) to the random direction (90°) →</p>`;

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  // The layer as its script holds it: for each unit the responses to all images, in multiples of a scale.
  const read = ({ units, scales, values, labels }) => {
    const all = bytes(values), count = labels.length;
    return {
      units,
      labels,
      scales: new Float32Array(bytes(scales).buffer),
      values: units.map((_, place) => all.subarray(place * count, (place + 1) * count)),
    };
  };

  const picture = (name) =>
    new Promise((resolve, reject) => {
      const image = new Image();
      image.onload = () => resolve(image);
      image.onerror = () => reject(new Error(`${name} cannot be loaded`));
      image.src = new URL(name, intriguing.folder);
    });

  // The places of the largest numbers, the largest first; of equal ones the first.
  const largest = (numbers) => {
    const best = [];
    numbers.forEach((value, place) => {
      if (best.length === TOP && !(value > numbers[best[TOP - 1]])) return;
      let rank = best.length;
      while (rank && value > numbers[best[rank - 1]]) rank--;
      best.splice(rank, 0, place);
      best.length = Math.min(best.length, TOP);
    });
    return best;
  };

  // How many of some images show the most frequent digit, and which it is.
  const theme = (labels) => {
    const counts = Array.from({ length: 10 }, (_, digit) => labels.filter((label) => label === digit).length);
    const count = Math.max(...counts);
    return { count, digit: counts.indexOf(count) };
  };

  intriguing.part("directions", PAGE, async (parts) => {
    const canvases = Array.from({ length: TOP }, () => {
      const item = document.createElement("li"), canvas = document.createElement("canvas");
      Object.assign(canvas, { width: SIDE, height: SIDE });
      canvas.setAttribute("role", "img");
      item.append(canvas);
      parts.strip.append(item);
      return canvas;
    });
    let layer, sheet;
    try {
      [sheet] = await Promise.all([picture("test-images.png"), intriguing.script("features")]);
      layer = read(intriguing.features);
    } catch (error) {
      parts.status.textContent = error.message;
      return;
    }
    const { units, scales, values, labels } = layer, columns = sheet.naturalWidth / SIDE;
    let noise = null; // a random direction, before what it has along the unit is taken off
    let responses = null; // of all images: to the unit, and to the random direction at a right angle to it

    // The inner products with one unit's axis, and with a direction of length 1 at a right angle to it.
    const respond = (place) => {
      const direction = noise.map((value, other) => (other === place ? 0 : value));
      const long = Math.hypot(...direction), across = new Float64Array(labels.length);
      values.forEach((row, other) => {
        const factor = (direction[other] * scales[other]) / long;
        for (let image = 0; image < row.length; image++) across[image] += factor * row[image];
      });
      return { along: Float64Array.from(values[place], (value) => value * scales[place]), across };
    };

    const top = (degrees) => {
      const turned = (degrees * Math.PI) / 180, { along, across } = responses;
      // At both ends exactly, as the cosine of a right angle is not quite 0 in a computer.
      const cosine = degrees === QUARTER ? 0 : Math.cos(turned), sine = Math.sin(turned);
      return largest(along.map((value, image) => cosine * value + sine * across[image]));
    };

    const shared = (images) => theme(images.map((image) => labels[image]));

    // -- what is shown ------------------------------------------------------------------------------

    const strip = (images) => {
      canvases.forEach((canvas, rank) => {
        const image = images[rank], x = image % columns, y = Math.floor(image / columns);
        const context = canvas.getContext("2d");
        context.drawImage(sheet, SIDE * x, SIDE * y, SIDE, SIDE, 0, 0, SIDE, SIDE);
        canvas.dataset.image = image;
        canvas.setAttribute("aria-label", `a ${labels[image]}`);
      });
    };

    const across = (degrees) => 1 + (98 * degrees) / QUARTER;
    const upwards = (count) => 97 - (94 * count) / TOP;
    let curve = []; // how many share a digit, at each angle of the curve

    const slide = () => {
      const degrees = Number(parts.slider.value), images = top(degrees), { count, digit } = shared(images);
      strip(images);
      parts.angle.textContent = `${degrees}°`;
      parts.slider.setAttribute("aria-valuetext", `${degrees} degrees: ${count} of ten are a ${digit}`);
      parts.status.textContent = `At ${degrees}°, ${count === TOP ? "all" : count} of the ten show a ${digit}.`;
      const here = [across(degrees), upwards(count)];
      parts.curve.replaceChildren(
        intriguing.polyline("boundary", [[0, upwards(TOP)], [100, upwards(TOP)]]),
        intriguing.polyline("walk", curve.map(([at, height]) => [across(at), upwards(height)])),
        intriguing.polyline("here", [here, here]),
      );
    };

    const show = () => {
      responses = respond(parts.unit.selectedIndex);
      curve = Array.from({ length: QUARTER / STEP + 1 }, (_, step) => [STEP * step, shared(top(STEP * step)).count]);
      slide();
    };

    const redraw = () => {
      noise = Array.from(units, intriguing.normal);
      show();
    };

    for (const unit of units) parts.unit.add(new Option(unit, unit));
    parts.unit.addEventListener("change", show);
    parts.redraw.addEventListener("click", redraw);
    parts.slider.addEventListener("input", slide);
    redraw();
    parts.strip.dataset.made = "yes";
  });
})();
