// What the networks of the book say to an image, and the nearest image with another answer, computed
// in the page. A network is loaded when it is first asked for, from a script; the work is done in a
// Worker that is made from source text. Both work from the disk, too, where a page may fetch nothing.
(() => {
  const PIXELS = 28 * 28;
  const FOLDER = new URL("networks/", document.currentScript.src);
  const loading = new Map(); // the promise of each network that was asked for, by its name
  const waiting = new Map(); // who waits for the Worker's answer, by its number
  let worker = null, last = 0;

  const start = () => {
    const { networks, search, minimise, worker: work } = window.intriguing.parts;
    const source = `"use strict";
      const networks = (${networks})();
      (${work})(networks, (${search})(networks), (${minimise})(networks));`;
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    worker = new Worker(address);
    worker.onmessage = ({ data: { id, progress, result, error } }) => {
      const caller = waiting.get(id);
      if (!caller) return; // it was stopped
      if (progress) return caller.progress(progress);
      waiting.delete(id);
      if (error) caller.reject(new Error(error));
      else caller.resolve(result);
    };
  };

  const ask = (task, details, { progress, signal } = {}) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      if (!worker) start();
      const id = ++last;
      waiting.set(id, { resolve, reject, progress });
      worker.postMessage({ task, id, ...details });
      signal?.addEventListener("abort", () => {
        if (!waiting.delete(id)) return;
        worker.postMessage({ task: "stop", id });
        reject(signal.reason);
      });
    });

  // The script of a network hands it over by this.
  const receive = (name, network) => loading.get(name).arrived(network);

  const load = (name) => {
    if (!loading.has(name)) {
      let arrived;
      const script = document.createElement("script");
      const done = new Promise((resolve, reject) => {
        arrived = resolve;
        script.onerror = () => reject(new Error(`network: there is none called ${name}`));
      }).then((network) => ask("load", { name, network }));
      done.catch(() => loading.delete(name)); // the next call tries again
      loading.set(name, { done, arrived });
      script.src = new URL(`${name.replace(/[^\w.-]+/g, "_").replace(/^_|_$/g, "")}.js`, FOLDER);
      document.head.append(script);
    }
    return loading.get(name).done;
  };

  const checked = (pixels) => {
    if (pixels?.length !== PIXELS) {
      throw new RangeError(`pixels: need ${PIXELS} numbers, got ${pixels?.length}`);
    }
    if (!pixels.every((value) => value >= 0 && value <= 1)) {
      throw new RangeError("pixels: need numbers in [0, 1]"); // NaN is not, either
    }
    return Float32Array.from(pixels);
  };

  /**
   * The logits of a network at an image.
   *
   * @param {string} network - its name in Table 1, such as "FC100-100-10", or "ConvNet"
   * @param {Float32Array} pixels - 784 numbers in [0, 1], row by row; ink is 1, as in MNIST
   * @returns {Promise<Float32Array>} ten logits; the largest one is the answer. They are within 0.001
   *   of those of the network in Python, whose weights are kept in 16 bits here.
   * @example
   * const logits = await intriguing.logits("ConvNet", new Float32Array(784));
   */
  const logits = async (network, pixels) => {
    const image = checked(pixels);
    await load(network);
    return ask("logits", { name: network, pixels: image });
  };

  /**
   * The answers of a network to several images.
   *
   * @param {string} network - as for logits
   * @param {Float32Array[]} images - each as for logits
   * @param {object} [options]
   * @param {AbortSignal} [options.signal] - ends it; the promise is rejected with its reason
   * @returns {Promise<Uint8Array>} an answer for each, 0 to 9
   * @example
   * const [answer] = await intriguing.answers("FC10(1)", [new Float32Array(784)]);
   */
  const answers = async (network, images, { signal } = {}) => {
    const all = new Float32Array(PIXELS * images.length);
    images.forEach((pixels, row) => all.set(checked(pixels), row * PIXELS));
    await load(network);
    return ask("answers", { name: network, images: all, size: PIXELS }, { signal });
  };

  /**
   * The nearest image, in Euclidean distance within [0, 1], to which a network gives another answer.
   *
   * It is a local minimum: a walk to the boundary, then sequential projection on the linearised
   * constraints (chapter adversarial_search). The new answer leads by a margin that covers what the
   * network in the page differs from the one in Python, so that it is that one's answer, too.
   *
   * @param {string} network - as for logits
   * @param {Float32Array} pixels - as for logits
   * @param {object} [options]
   * @param {number} [options.target] - the answer that is wanted, 0 to 9; else the nearest of all others
   * @param {function(object): void} [options.progress] - is told of every image that is looked at:
   *   {stage: "walk" | "refine", target, pixels, distance, lead}; `lead` is by how much the logit of
   *   the target is above all others, negative before the boundary
   * @param {AbortSignal} [options.signal] - ends the search; the promise is rejected with its reason
   * @returns {Promise<{pixels: Float32Array, target: number, distance: number}>} the image, its
   *   answer, and its Euclidean distance; the image itself where it has the wanted answer already
   * @example
   * const { distance } = await intriguing.search("FC10(1)", pixels, { target: 3 });
   */
  const search = async (network, pixels, { target = null, progress, signal } = {}) => {
    const image = checked(pixels);
    if (target !== null && !(Number.isInteger(target) && target >= 0 && target <= 9)) {
      throw new RangeError(`target: need a digit from 0 to 9, got ${target}`);
    }
    await load(network);
    const details = { name: network, pixels: image, target, told: Boolean(progress) };
    return ask("search", details, { progress, signal });
  };

  /**
   * A minimum of the paper's penalty, c |r| + the cross-entropy to a target, over the images x + r in
   * [0, 1]: a local one, and the only one where the network is linear.
   *
   * @param {string} network - as for logits
   * @param {Float32Array} pixels - x, as for logits
   * @param {object} options
   * @param {number} options.target - 0 to 9
   * @param {number} options.c - the weight of the distance, positive
   * @param {Float32Array} [options.start] - an image to begin at; else x
   * @returns {Promise<{pixels: Float32Array, distance: number, loss: number}>} the image x + r, |r|, and
   *   the cross-entropy there
   * @example
   * const { distance } = await intriguing.penalty("FC10(1)", pixels, { target: 3, c: 0.1 });
   */
  const penalty = async (network, pixels, { target, c, start = pixels }) => {
    const image = checked(pixels), first = checked(start);
    if (!(Number.isInteger(target) && target >= 0 && target <= 9)) {
      throw new RangeError(`target: need a digit from 0 to 9, got ${target}`);
    }
    if (!(c > 0 && c < Infinity)) throw new RangeError(`c: need a positive number, got ${c}`);
    await load(network);
    return ask("penalty", { name: network, pixels: image, target, c, start: first });
  };

  Object.assign(window.intriguing, { logits, answers, search, penalty, receive });
})();
