// Ways away from a digit: along a change, and along noise; and where the answer changes on them.
(() => {
  const { intriguing } = window;
  const STEPS = 40; // of a way at which the answer is asked for
  const BISECTIONS = 12; // of a step in which it changes
  const HALVINGS = 40; // of the bracket around the factor of the noise,
  const FARTHEST = 1e6; // which is as far as it goes where the box is too small

  const clip = (value) => Math.min(Math.max(value, 0), 1);

  /** The image so far along a direction, within [0, 1]. */
  const toward = (origin, direction, factor) =>
    Float32Array.from(origin, (value, i) => clip(value + factor * direction[i]));

  /** How far an image is moved by going so far in a direction, the box [0, 1] taken into account. */
  const moved = (origin, direction, factor) => {
    let sum = 0;
    for (let i = 0; i < origin.length; i++) sum += (clip(origin[i] + factor * direction[i]) - origin[i]) ** 2;
    return Math.sqrt(sum);
  };

  /** A standard normal number, by Box and Muller. */
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

  /**
   * The image moved along a direction until it is exactly so far away: what the box takes is made up
   * for by going further, as perturb.at_length does.
   */
  const away = (origin, direction, distance) => {
    let low = 0, high = 1;
    while (moved(origin, direction, high) < distance && high < FARTHEST) high *= 2;
    for (let halving = 0; halving < HALVINGS; halving++) {
      const middle = (low + high) / 2;
      [low, high] = moved(origin, direction, middle) < distance ? [middle, high] : [low, middle];
    }
    return toward(origin, direction, high);
  };

  /** How far the image can be moved along a direction before all of its pixels are at the box's walls. */
  const reach = (origin, direction) => moved(origin, direction, FARTHEST);

  /** The image with Gaussian noise that is exactly so long. */
  const noisy = (origin, distance) => away(origin, Float64Array.from(origin, normal), distance);

  /**
   * The stretches of a way, each with its answer and where it begins and ends.
   *
   * @param {function(number): Promise<number>} says - the answer at a place of the way
   * @param {number} far - where the way ends; it begins at 0
   * @returns {Promise<{from: number, to: number, answer: number}[]>} in order
   */
  const stretches = async (says, far) => {
    const places = Array.from({ length: STEPS + 1 }, (_, step) => (far * step) / STEPS);
    const answers = await Promise.all(places.map(says)), found = [{ from: 0, answer: answers[0] }];
    for (let step = 1; step <= STEPS; step++) {
      const [before, after] = answers.slice(step - 1, step + 1);
      if (before === after) continue;
      let [low, high] = places.slice(step - 1, step + 1);
      for (let halving = 0; halving < BISECTIONS; halving++) {
        const middle = (low + high) / 2;
        [low, high] = (await says(middle)) === before ? [middle, high] : [low, middle];
      }
      found.push({ from: high, answer: after });
    }
    return found.map((stretch, place) => ({ ...stretch, to: found[place + 1]?.from ?? far }));
  };

  /** Fill an element of class "live-band" with stretches; those with another answer are marked. */
  const band = (element, found, right) => {
    const far = found.at(-1).to;
    element.replaceChildren(...found.map(({ from, to, answer }) => {
      const stretch = document.createElement("span");
      stretch.style.flexGrow = (100 * (to - from)) / far; // factors that add up to less than 1 leave a gap
      stretch.classList.toggle("live-wrong", answer !== right);
      stretch.textContent = answer;
      return stretch;
    }));
  };

  Object.assign(intriguing, { toward, moved, away, reach, normal, noisy, stretches, band });
})();
