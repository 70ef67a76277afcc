// The search for the nearest image with another answer, as helpers/search has it in Python: a walk
// to the boundary, then sequential projection on the linearised constraints, in the box [0, 1].
// It runs in a Worker, from this function's own source: nothing outside of it may be used.
window.intriguing = window.intriguing ?? { parts: {} };

window.intriguing.parts.search = (networks) => {
  const REACH = 1.5; // targets are walked to that are at most so much farther to first order than the first
  const CANDIDATES = 3; // and so many at most
  const WALK = 40; // steps of a walk,
  const LONG = 200; // and of one where the first has not arrived
  const RESIZE = 0.05; // by which a walk's length grows before a success and shrinks after one
  const LAST = 0.01; // the last stride of a walk, as a part of the first
  const REFINEMENTS = 6; // linearisations, from the nearest image that a walk has found
  const CORRECTIONS = 2; // projections with the same gradients and the true logits of the last point
  const HALVINGS = 6; // of a step that does not end on a nearer success
  const AIM = 1.05; // the margin that projections aim at, as a multiple of the one that is needed
  const BENT = 0.02; // in margins: logits that are so near to the linearised ones need no correction
  const PROGRESS = 1e-5; // relative: an image that comes nearer by less is done
  const TOLERANCE = 1e-8; // of a projection, relative to the largest violation
  const NEWTON = 60; // steps of a projection at most
  const INCREASE = 1e-4; // the share of the linear increase that a step of it must bring
  const TRIALS = 40; // of its line search

  const dot = (a, b) => {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
    return sum;
  };
  const length = (a) => Math.sqrt(dot(a, a));
  const minus = (a, b) => a.map((value, i) => value - b[i]);
  const plus = (a, b) => a.map((value, i) => value + b[i]);
  const within = (low, value, high) => Math.min(Math.max(value, low), high);
  const clip = (value) => within(0, value, 1);
  const distance = (a, b) => length(minus(a, b));

  const largest = (values, except = -1) => {
    let best = except === 0 ? 1 : 0;
    for (let k = 0; k < values.length; k++) if (k !== except && values[k] > values[best]) best = k;
    return best;
  };

  // The target's logit minus the largest other one: positive where the target is the answer.
  const lead = (logits, target) => logits[target] - logits[largest(logits, target)];

  // -- which targets ------------------------------------------------------------------------------

  // The distance to first order to where class k's logit reaches the answer's, along the pixels that
  // the box leaves free.
  const firstOrder = ({ logits, gradients }, origin, answer, k) => {
    const steep = minus(gradients[k], gradients[answer]);
    const slope = length(steep.map((value, i) => ((value > 0 ? origin[i] < 1 : origin[i] > 0) ? value : 0)));
    return slope > 0 ? (logits[answer] - logits[k]) / slope : Number.MAX_VALUE;
  };

  // The classes that are worth a walk, the nearest first.
  const candidates = (network, origin) => {
    const linear = networks.linearise(network, origin), answer = largest(linear.logits);
    const others = [...linear.logits.keys()].filter((k) => k !== answer);
    const far = new Map(others.map((k) => [k, firstOrder(linear, origin, answer, k)]));
    others.sort((a, b) => far.get(a) - far.get(b));
    return others.filter((k) => far.get(k) <= REACH * far.get(others[0])).slice(0, CANDIDATES);
  };

  // -- the walk -----------------------------------------------------------------------------------

  // The nearest success among the points that follow the gradient of the target's lead at a length
  // of their own, which shrinks after a success and grows otherwise (Rony et al. 2019); null if none.
  const walk = async (problem, steps) => {
    const { network, origin, target, margin } = problem;
    let point = origin, best = null, shortest = Infinity, unit = 0, radius = 0;
    for (let step = 0; step < steps; step++) {
      const values = networks.trace(network, point), logits = values.at(-1);
      const gained = lead(logits, target), rival = largest(logits, target);
      const weight = logits.map((_, k) => (k === target) - (k === rival));
      const slope = networks.pullBack(network, values, weight);
      const steepness = Math.max(length(slope), Number.MIN_VALUE);
      // Lengths are in units of the distance to first order, so that no scale is built in.
      if (!step) unit = radius = within(1e-6, (margin - gained) / steepness, Math.sqrt(origin.length));
      const gone = distance(point, origin);
      if (gained >= margin && gone < shortest) [best, shortest] = [point, gone];
      await problem.tell("walk", point, gained);

      radius = Math.min(radius * (gained >= margin ? 1 - RESIZE : 1 + RESIZE), shortest);
      const stride = LAST + ((1 - LAST) * (1 + Math.cos((Math.PI * step) / steps))) / 2;
      const turned = plus(minus(point, origin), slope.map((value) => (value * stride * unit) / steepness));
      const scale = radius / Math.max(length(turned), 1e-12);
      point = origin.map((value, i) => clip(value + scale * turned[i]));
    }
    return best;
  };

  // -- the projection -----------------------------------------------------------------------------

  // The shortest r with A r >= needed and origin + r in the box, by its dual: r = clip(A' multipliers)
  // and the dual is concave and piecewise quadratic, so that a projected Newton method climbs it in a
  // few steps. rows: A, one row for each class but the target. Null where no r will do.
  const project = (origin, rows, needed, guess) => {
    const gram = rows.map((row) => rows.map((other) => dot(row, other)));
    const dual = {
      origin, rows, needed,
      scale: Math.max(...needed, Number.MIN_VALUE),
      damping: 1e-12 * Math.max(...gram.map((row, k) => row[k])) + Number.MIN_VALUE,
    };
    // No r in the box is longer: a dual value above that proves that there is none.
    const corner = origin.map((value) => Math.max(value, 1 - value));
    const ceiling = (dot(corner, corner) / 2) * (1 + 1e-6);
    let multipliers = guess ?? hardest(needed, gram), point = relax(dual, multipliers);
    for (let iteration = 0; iteration <= NEWTON; iteration++) {
      const residual = point.gradient.map((value, k) => (multipliers[k] > 0 ? Math.abs(value) : value));
      if (Math.max(...residual) <= TOLERANCE * dual.scale) return { step: point.step, multipliers };
      if (point.value > ceiling) return null;
      [multipliers, point] = climb(dual, multipliers, point);
    }
    return null;
  };

  // The multipliers that solve the constraint that is hardest by itself.
  const hardest = (needed, gram) => {
    const far = needed.map((value, k) => (gram[k][k] > 0 ? value / Math.sqrt(gram[k][k]) : -Infinity));
    const first = largest(far);
    return needed.map((value, k) => (k === first && gram[k][k] > 0 ? Math.max(value / gram[k][k], 0) : 0));
  };

  // The Lagrangian's minimum at the multipliers: r, the pixels that the box does not hold, the dual's
  // value and its gradient.
  const relax = ({ origin, rows, needed }, multipliers) => {
    const free = new Float64Array(origin.length);
    rows.forEach((row, k) => {
      if (multipliers[k] > 0) for (let i = 0; i < free.length; i++) free[i] += multipliers[k] * row[i];
    });
    const step = free.map((value, i) => within(-origin[i], value, 1 - origin[i]));
    const inside = step.map((value, i) => (value === free[i] ? 1 : 0));
    const gradient = rows.map((row, k) => needed[k] - dot(row, step));
    return { step, inside, gradient, value: dot(step, step) / 2 + dot(multipliers, gradient) };
  };

  // One projected Newton step of the multipliers, with backtracking.
  const climb = (dual, start, point) => {
    const direction = newton(dual, start, point);
    for (let size = 1, trial = 0; trial < TRIALS; trial++, size /= 2) {
      const multipliers = start.map((value, k) => Math.max(value + size * direction[k], 0));
      const found = relax(dual, multipliers), linear = dot(point.gradient, minus(multipliers, start));
      const rounding = 4 * Number.EPSILON * Math.abs(point.value);
      if (found.value - point.value >= INCREASE * linear - rounding) return [multipliers, found];
    }
    return [start, point];
  };

  // The Newton direction of the multipliers that are positive or want to grow; zero for the others.
  const newton = ({ rows, damping }, multipliers, { inside, gradient }) => {
    const free = [...rows.keys()].filter((k) => multipliers[k] > 0 || gradient[k] > 0);
    const held = free.map((k) => rows[k].map((value, i) => value * inside[i]));
    const hessian = free.map((_, a) => free.map((k, b) => dot(held[a], rows[k]) + (a === b ? damping : 0)));
    const solution = solve(hessian, free.map((k) => gradient[k]));
    const direction = gradient.map(() => 0);
    free.forEach((k, a) => (direction[k] = solution[a]));
    return direction;
  };

  // A small system of linear equations, by elimination with pivots; both arguments are used up.
  const solve = (matrix, right) => {
    const size = right.length;
    for (let column = 0; column < size; column++) {
      let pivot = column;
      for (let row = column + 1; row < size; row++) {
        if (Math.abs(matrix[row][column]) > Math.abs(matrix[pivot][column])) pivot = row;
      }
      [matrix[column], matrix[pivot]] = [matrix[pivot], matrix[column]];
      [right[column], right[pivot]] = [right[pivot], right[column]];
      for (let row = column + 1; row < size; row++) {
        const factor = matrix[row][column] / matrix[column][column];
        for (let k = column; k < size; k++) matrix[row][k] -= factor * matrix[column][k];
        right[row] -= factor * right[column];
      }
    }
    for (let row = size - 1; row >= 0; row--) {
      for (let k = row + 1; k < size; k++) right[row] -= matrix[row][k] * right[k];
      right[row] /= matrix[row][row];
    }
    return right;
  };

  // -- the refinement -----------------------------------------------------------------------------

  // Come nearer to the original from a success, staying one, by so many linearisations at most.
  const refine = async (problem, start, steps) => {
    let best = start;
    for (let step = 0; step < steps; step++) {
      const before = distance(best, problem.origin);
      const { logits, gradients } = networks.linearise(problem.network, best);
      const attempt = { ...problem, best, nearest: best, point: best, logits };
      correct(attempt, gradients);
      backtrack(attempt);
      best = attempt.nearest;
      await problem.tell("refine", best, lead(networks.logits(problem.network, best), problem.target));
      if (distance(best, problem.origin) >= before * (1 - PROGRESS)) break;
    }
    return best;
  };

  // The true logits at a point, which is kept where it is a nearer success.
  const judge = (attempt, point) => {
    const logits = networks.logits(attempt.network, point);
    const nearer = distance(point, attempt.origin) < distance(attempt.nearest, attempt.origin);
    if (nearer && lead(logits, attempt.target) >= attempt.margin) attempt.nearest = point;
    attempt.point = point;
    return logits;
  };

  // Project the original on the linearised constraints; then again, with the same gradients and the
  // true logits of the last point, which undoes the boundary's curvature.
  const correct = (attempt, gradients) => {
    const { origin, target, margin } = attempt;
    const others = [...gradients.keys()].filter((k) => k !== target);
    const rows = others.map((k) => minus(gradients[target], gradients[k]));
    const atOrigin = (logits, point) =>
      logits.map((value, k) => value - dot(gradients[k], minus(point, origin)));
    let affine = atOrigin(attempt.logits, attempt.best), guess;
    for (let round = 0; round <= CORRECTIONS; round++) {
      const needed = others.map((k) => affine[k] - affine[target] + AIM * margin);
      const solution = project(origin, rows, needed, guess);
      if (!solution) return;
      const point = plus(origin, solution.step).map(clip), before = affine;
      affine = atOrigin(judge(attempt, point), point);
      // Where the boundary is flat enough, a correction would lead to the same point.
      if (Math.max(...minus(affine, before).map(Math.abs)) <= BENT * margin) return;
      guess = solution.multipliers;
    }
  };

  // Halve the way from the last point to the start until there is a nearer success.
  const backtrack = (attempt) => {
    const { best, origin } = attempt;
    if (distance(attempt.point, best) <= PROGRESS * distance(best, origin)) return;
    for (let trial = 0; trial < HALVINGS && attempt.nearest === best; trial++) {
      judge(attempt, plus(attempt.point, best).map((value) => value / 2));
    }
  };

  // -- the search ---------------------------------------------------------------------------------

  // The nearest image that the network takes for `target`, or, where it is null, for anything else
  // than now. `tick` is awaited at every step with what is being looked at, and may throw to end it.
  const find = async (network, pixels, target, tick) => {
    const origin = Float64Array.from(pixels), { margin } = network;
    const to = (k) => ({
      network, origin, margin, target: k,
      tell: (stage, point, gained) => {
        const pixels = Float32Array.from(point);
        return tick({ stage, target: k, pixels, distance: distance(point, origin), lead: gained });
      },
    });
    const already = target !== null && lead(networks.logits(network, origin), target) >= margin;
    if (already) return result(origin, target, origin);

    const targets = target === null ? candidates(network, origin) : [target];
    let best = null;
    for (const steps of [WALK, LONG]) {
      for (const k of targets) {
        const arrived = await walk(to(k), steps);
        if (!arrived) continue;
        const point = await refine(to(k), arrived, 1), far = distance(point, origin);
        if (!best || far < best.far) best = { point, far, target: k };
      }
      if (best) return result(await refine(to(best.target), best.point, REFINEMENTS), best.target, origin);
    }
    throw new Error("no image with that answer was found");
  };

  // Pixels in 32 bits; the distance is that of what is handed over.
  const result = (point, target, origin) => {
    const pixels = Float32Array.from(point);
    return { pixels, target, distance: distance(Float64Array.from(pixels), origin) };
  };

  return { find };
};
