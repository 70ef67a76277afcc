// A pad to draw digits on, by mouse, finger or pen, and what a network is shown of a drawing: a digit
// in MNIST's manner, 28 x 28, fitted into a box of 20 x 20 whose centre of mass is in the middle.
(() => {
  const SIDE = 28, BOX = 20;
  const STROKE = 2.3; // of a digit in MNIST, in its pixels
  const FINE = 8; // times as fine as that is a drawing before it is averaged
  const THIN = 0.09; // of a stroke on the pad, as a part of its side
  const LEAST = 0.3; // of the pad: what is smaller, such as a dot, is not made as large as a digit

  const pen = (side) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: side, height: side });
    return canvas.getContext("2d", { willReadFrequently: true });
  };

  // Draw strokes, lists of points, as lines that are round at their ends; `place` puts a point.
  const trace = (context, strokes, width, place) => {
    Object.assign(context, { lineWidth: width, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
    for (const stroke of strokes) {
      context.beginPath();
      // A stroke of one point is a dot: a line from it to itself.
      for (const point of [stroke[0], ...stroke]) context.lineTo(...place(point));
      context.stroke();
    }
  };

  // Pixels in [0, 1] of strokes that are put on MNIST's grid, each the mean of FINE x FINE.
  const average = (strokes, place) => {
    const wide = SIDE * FINE, context = pen(wide);
    trace(context, strokes, STROKE * FINE, (point) => place(point).map((value) => value * FINE));
    const { data } = context.getImageData(0, 0, wide, wide), pixels = new Float32Array(SIDE * SIDE);
    for (let place = 0; place < wide * wide; place++) {
      const y = Math.floor(place / wide / FINE), x = Math.floor((place % wide) / FINE);
      pixels[y * SIDE + x] += data[4 * place + 3] / 255 / FINE ** 2;
    }
    return pixels.map((value) => Math.min(value, 1));
  };

  const centreOfMass = (pixels) => {
    let sum = 0, x = 0, y = 0;
    pixels.forEach((value, place) => {
      sum += value;
      x += value * ((place % SIDE) + 0.5);
      y += value * (Math.floor(place / SIDE) + 0.5);
    });
    return [x / sum, y / sum];
  };

  /**
   * A drawing as MNIST has its digits: 784 pixels in [0, 1].
   *
   * @param {number[][][]} strokes - each a list of points [x, y] on a pad of side 1
   * @returns {Float32Array} row by row; all zero for a drawing without strokes
   */
  const centred = (strokes) => {
    const points = strokes.flat();
    if (!points.length) return new Float32Array(SIDE * SIDE);
    const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
    const low = [Math.min(...xs), Math.min(...ys)], high = [Math.max(...xs), Math.max(...ys)];
    // The box holds the strokes' width, too.
    const scale = (BOX - STROKE) / Math.max(high[0] - low[0], high[1] - low[1], LEAST);
    const middle = low.map((value, axis) => (value + high[axis]) / 2);
    const around = (centre) => (point) =>
      point.map((value, axis) => (value - middle[axis]) * scale + centre[axis]);
    // First with the box in the middle, then by as much aside as the centre of mass is off.
    const mass = centreOfMass(average(strokes, around([SIDE / 2, SIDE / 2])));
    return average(strokes, around(mass.map((value) => SIDE - value)));
  };

  /**
   * Make a canvas a pad.
   *
   * @param {HTMLCanvasElement} canvas - a square one
   * @param {function(boolean): void} changed - is called whenever the drawing has changed; with true
   *   at the end of a stroke
   * @returns {{strokes: number[][][], show: function(CanvasImageSource=): void}} the drawing so far;
   *   `show` removes it, for a picture in its place if there is one, until the next stroke
   */
  const pad = (canvas, changed) => {
    const context = canvas.getContext("2d"), side = canvas.width, strokes = [];
    let drawing = false;

    const paint = () => {
      context.clearRect(0, 0, side, side);
      trace(context, strokes, THIN * side, (point) => point.map((value) => value * side));
    };
    const at = (event) => {
      const { left, top, width, height } = canvas.getBoundingClientRect();
      const inside = (value) => Math.min(Math.max(value, 0), 1); // the pointer may leave the pad
      return [inside((event.clientX - left) / width), inside((event.clientY - top) / height)];
    };
    const draw = (event, stroke) => {
      stroke.push(at(event));
      paint();
      changed(false);
    };

    canvas.addEventListener("pointerdown", (event) => {
      if (drawing || event.button !== 0) return;
      drawing = true;
      canvas.setPointerCapture(event.pointerId);
      strokes.push([]);
      draw(event, strokes.at(-1));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (drawing && canvas.hasPointerCapture(event.pointerId)) draw(event, strokes.at(-1));
    });
    canvas.addEventListener("lostpointercapture", () => {
      drawing = false;
      changed(true);
    });
    const show = (picture) => {
      strokes.length = 0;
      paint();
      context.imageSmoothingEnabled = false; // as the network is shown it, pixel by pixel
      if (picture) context.drawImage(picture, 0, 0, side, side);
    };
    return { strokes, show };
  };

  Object.assign(window.intriguing, { centred, pad });
})();
