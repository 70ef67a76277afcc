// How the live page shows things: images and changes as canvases, the way of a search as a curve,
// answers and numbers as text.
(() => {
  const SIDE = 28;
  const BRIGHTER = [178, 24, 43], DARKER = [33, 102, 172]; // as in the figures of the book

  // Fill a canvas of 28 x 28 with a colour, [red, green, blue, opacity] in 0 to 255, for each pixel.
  const paint = (canvas, pixels, colour) => {
    const image = new ImageData(SIDE, SIDE);
    pixels.forEach((value, place) => image.data.set(colour(value), 4 * place));
    canvas.getContext("2d").putImageData(image, 0, 0);
  };

  /** Show an image, pixels in [0, 1], white on black. */
  const digit = (canvas, pixels) =>
    paint(canvas, pixels, (value) => [255 * value, 255 * value, 255 * value, 255]);

  /** Show a change, red where there is more ink and blue where there is less, the largest in full. */
  const change = (canvas, pixels) => {
    const most = Math.max(...pixels.map(Math.abs)) || 1;
    const colour = (value) => [...(value > 0 ? BRIGHTER : DARKER), (255 * Math.abs(value)) / most];
    paint(canvas, pixels, colour);
  };

  const polyline = (kind, points) => {
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    line.setAttribute("class", `live-${kind}`);
    line.setAttribute("points", points.map((point) => point.join()).join(" "));
    return line;
  };

  /**
   * Show the way of a search: to the right, how far each image that was looked at is from the digit;
   * upwards, by how much the logit of its target is above all others.
   *
   * @param {SVGElement} svg - whose viewBox is 0 0 100 100, stretched to what it fills
   * @param {{stage: string, target: number, distance: number, lead: number}[]} seen - in order; the
   *   walk to the last one's target is emphasised
   */
  const way = (svg, seen) => {
    const leads = seen.map(({ lead }) => lead), low = Math.min(...leads, -1e-9);
    const high = Math.max(...leads, -low / 5);
    const far = Math.max(...seen.map(({ distance }) => distance), 1e-9);
    const place = ({ distance, lead }) =>
      [2 + (96 * distance) / far, 4 + (92 * (high - lead)) / (high - low)];
    const last = seen.at(-1), here = place(last), boundary = place({ distance: 0, lead: 0 })[1];
    const walk = (k) => seen.filter(({ target, stage }) => target === k && stage === "walk").map(place);
    const others = [...new Set(seen.map(({ target }) => target))].filter((k) => k !== last.target);
    svg.replaceChildren(
      polyline("boundary", [[0, boundary], [100, boundary]]),
      ...others.map((k) => polyline("other", walk(k))),
      polyline("walk", walk(last.target)),
      polyline("here", [here, here]), // a line of no length: a circle would be stretched with the rest
    );
    svg.parentElement.style.setProperty("--boundary", `${boundary}%`);
  };

  /** The place of the largest of some numbers: of logits, the answer. */
  const answer = (values) => values.indexOf(Math.max(...values));

  const probabilities = (logits) => {
    const most = Math.max(...logits), powers = Array.from(logits, (value) => Math.exp(value - most));
    const sum = powers.reduce((one, other) => one + other);
    return powers.map((value) => value / sum);
  };

  /** The elements within another that have a name, by it: that of their attribute data-is. */
  const named = (element) =>
    Object.fromEntries(Array.from(element.querySelectorAll("[data-is]"), (part) => [part.dataset.is, part]));

  const percent = (share) => `${(100 * share).toFixed(1).replace(/\.0$/, "")}\u00a0%`;

  Object.assign(window.intriguing, { digit, change, polyline, way, answer, probabilities, percent, named });
})();
