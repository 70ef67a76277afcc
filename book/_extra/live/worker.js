// What the Worker does: it holds the networks, and answers one message after the other. It runs from
// this function's own source: nothing outside of it may be used.
window.intriguing = window.intriguing ?? { parts: {} };

window.intriguing.parts.worker = (networks, search, minimise) => {
  const BREATH = 16; // images of several, between two pauses
  const held = new Map(), stopped = new Set();

  // A pause in which messages that came in meanwhile are read: a search can be stopped.
  const pause = () => new Promise((resume) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { port1.close(); resume(); };
    port2.postMessage(null);
  });

  const breathe = async (id) => {
    await pause();
    if (stopped.has(id)) throw new Error("stopped");
  };

  const TASKS = {
    load: ({ name, network }) => held.set(name, networks.read(network)) && null,
    logits: ({ name, pixels }) => Float32Array.from(networks.logits(held.get(name), pixels)),
    answers: async ({ id, name, images, size }) => {
      const network = held.get(name), told = new Uint8Array(images.length / size);
      for (let row = 0; row < told.length; row++) {
        if (row % BREATH === 0) await breathe(id);
        const logits = networks.logits(network, images.subarray(row * size, (row + 1) * size));
        told[row] = logits.indexOf(Math.max(...logits));
      }
      return told;
    },
    penalty: ({ name, pixels, target, c, start }) =>
      minimise.penalty(held.get(name), pixels, target, c, start),
    search: ({ id, name, pixels, target, told }) =>
      search.find(held.get(name), pixels, target, async (progress) => {
        if (told) postMessage({ id, progress });
        await breathe(id);
      }),
  };

  onmessage = async ({ data }) => {
    if (data.task === "stop") {
      stopped.add(data.id);
      return;
    }
    try {
      postMessage({ id: data.id, result: await TASKS[data.task](data) });
    } catch (error) {
      postMessage({ id: data.id, error: error.message });
    }
    stopped.delete(data.id);
  };
};
