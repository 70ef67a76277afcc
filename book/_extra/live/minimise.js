// The paper's penalty, minimised in the box: c |r| + the cross-entropy to a target, over all changes r
// after which the pixels are still in [0, 1]. It runs in a Worker, from this function's own source:
// nothing outside of it may be used.
window.intriguing = window.intriguing ?? { parts: {} };

window.intriguing.parts.minimise = (networks) => {
  const STEPS = 1000; // at most
  const STILL = 1e-4; // the slope below which a point is a minimum
  const MEMORY = 10; // values that a step may not exceed: it may go up now and then (Grippo et al. 1986)
  const DECREASE = 1e-4; // the share of a step's squared length, over twice its size, that it must bring
  const SIZES = [1e-6, 1e4]; // of a step, at least and at most
  const HALVINGS = 60; // of the bracket around a number, or of a step

  const dot = (a, b) => {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
    return sum;
  };
  const length = (a) => Math.sqrt(dot(a, a));
  const within = (low, value, high) => Math.min(Math.max(value, low), high);

  // The cross-entropy at a point, and its gradient.
  const crossEntropy = ({ network, target }, point) => {
    const values = networks.trace(network, point), logits = values.at(-1);
    const most = Math.max(...logits), powers = logits.map((value) => Math.exp(value - most));
    const sum = powers.reduce((one, other) => one + other);
    const weight = powers.map((power, k) => power / sum - (k === target));
    const slope = networks.pullBack(network, values, weight);
    return { loss: most + Math.log(sum) - logits[target], slope };
  };

  // The r in the box with the least |r - wish|^2 / 2 + pull |r|. It is the wish, shortened by one factor
  // for all pixels and clipped: the length that is left by a factor is that of the wish, less what it
  // pulls. Where the wish is shorter than the pull, as far as the box lets it go, r is zero.
  const shorten = (origin, wish, pull) => {
    const clipped = (factor) =>
      wish.map((value, i) => within(-origin[i], factor * value, 1 - origin[i]));
    const far = (factor) => { // the length of that
      let sum = 0;
      for (let i = 0; i < wish.length; i++) {
        const change = within(-origin[i], factor * wish[i], 1 - origin[i]);
        sum += change * change;
      }
      return Math.sqrt(sum);
    };
    const free = wish.map((value, i) => ((value > 0 ? origin[i] < 1 : origin[i] > 0) ? value : 0));
    if (length(free) <= pull) return clipped(0);
    let low = 0, high = 1;
    for (let halving = 0; halving < HALVINGS && high - low > 1e-15; halving++) {
      const middle = (low + high) / 2;
      if (far(middle) * (1 - middle) > pull * middle) low = middle;
      else high = middle;
    }
    return clipped(high);
  };

  /**
   * A local minimum, by proximal gradients with steps of Barzilai and Borwein's size (Wright et al.
   * 2009): the cross-entropy is followed along its slope, |r| and the box are minimised exactly.
   */
  const penalty = (network, pixels, target, c, start) => {
    const origin = Float64Array.from(pixels), problem = { network, target };
    const at = (change) => {
      const point = origin.map((value, i) => within(0, value + change[i], 1));
      const { loss, slope } = crossEntropy(problem, point);
      return { change, loss, slope, value: loss + c * length(change) };
    };
    let here = at(Float64Array.from(start, (value, i) => value - origin[i])), size = 1;
    const last = [here.value];
    for (let step = 0; step < STEPS; step++) {
      let there, moved, far;
      for (let halving = 0; halving < HALVINGS; halving++, size /= 2) {
        const wish = here.change.map((value, i) => value - size * here.slope[i]);
        there = at(shorten(origin, wish, size * c));
        moved = there.change.map((value, i) => value - here.change[i]);
        far = length(moved);
        if (there.value <= Math.max(...last) - (DECREASE * far * far) / (2 * size)) break;
      }
      const bent = dot(moved, there.slope.map((value, i) => value - here.slope[i]));
      // A long step is cut off by the box: how far it went says nothing beside its size.
      const still = far <= STILL * Math.min(size, 1);
      here = there;
      if (still) break;
      size = within(SIZES[0], bent > 0 ? (far * far) / bent : SIZES[1], SIZES[1]);
      last.push(here.value);
      if (last.length > MEMORY) last.shift();
    }
    const found = Float32Array.from(origin, (value, i) => within(0, value + here.change[i], 1));
    return { pixels: found, distance: length(here.change), loss: here.loss };
  };

  return { penalty };
};
