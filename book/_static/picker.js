// The game "unit or random direction?": makes one out of every element of class "picker", which holds a picture of strips.
// The order is another at every visit; the address's fragment #picker-7 fixes it.
(() => {
  const ROUNDS = 20;
  const NAMES = { unit: "Unit", random: "Random direction" };

  // Numbers in [0, 1) that the seed decides (mulberry32).
  const generator = (seed) => () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };

  const shuffled = (count, random) => {
    const order = Array.from({ length: count }, (_, place) => place);
    for (let place = count - 1; place > 0; place--) {
      const other = Math.floor(random() * (place + 1));
      [order[place], order[other]] = [order[other], order[place]];
    }
    return order;
  };

  // Wilson's 95 % interval of a proportion.
  const wilson = (hits, total) => {
    const z = 1.959964, share = hits / total, wide = 1 + (z * z) / total;
    const centre = share + (z * z) / (2 * total);
    const half = z * Math.sqrt((share * (1 - share)) / total + (z * z) / (4 * total * total));
    return [Math.max(0, (centre - half) / wide), Math.min(1, (centre + half) / wide)];
  };

  // The numbers of hits that a coin stays within in at least 95 % of games: at most 2.5 % lie below, at most 2.5 % above.
  const coin = (total) => {
    let chance = 0.5 ** total, below = 0, low = 0;
    while (below + chance <= 0.025) {
      below += chance;
      chance *= (total - low) / (low + 1);
      low += 1;
    }
    return [low, total - low];
  };

  const percent = (share) => `${Math.round(100 * share)} %`;

  const make = (name, text, className) => {
    const element = document.createElement(name);
    if (text) element.textContent = text;
    if (className) element.className = className;
    return element;
  };

  const start = (box) => {
    const kinds = box.dataset.kinds.split(" ");
    const labels = box.dataset.labels.split(";");
    const rounds = Math.min(ROUNDS, kinds.length);
    const fixed = /^#picker-(\d+)$/.exec(location.hash);
    const random = generator(fixed ? Number(fixed[1]) : Math.floor(Math.random() * 2 ** 32));
    const sheet = box.querySelector("img");

    const title = make("p", "", "picker-title");
    const strip = make("div", "", "picker-strip");
    strip.tabIndex = -1;
    const choices = make("div", "", "picker-choices");
    choices.setAttribute("role", "group");
    choices.setAttribute("aria-label", "What do these images maximise?");
    const buttons = Object.entries(NAMES).map(([kind, name]) => {
      const button = make("button", name);
      button.type = "button";
      button.addEventListener("click", () => guess(kind));
      choices.append(button);
      return button;
    });
    const next = make("button", "", "picker-next");
    next.type = "button";
    next.addEventListener("click", () => (round + 1 < rounds ? show(round + 1) : begin(), strip.focus({ preventScroll: true })));
    const answer = make("p", "", "picker-answer");
    const score = make("p", "", "picker-score");
    for (const told of [answer, score]) told.setAttribute("role", "status");

    let order, round, hits;

    const show = (number) => {
      round = number;
      const place = order[round];
      title.textContent = `Strip ${round + 1} of ${rounds}: a unit, or a random direction?`;
      sheet.style.top = `${-100 * place}%`;
      sheet.alt = `Ten images, the strongest first. Their labels: ${labels[place].replaceAll(",", ", ")}.`;
      answer.textContent = "";
      for (const button of buttons) button.disabled = false;
      next.hidden = true;
    };

    const guess = (kind) => {
      const truth = kinds[order[round]], right = kind === truth;
      hits += right;
      const total = round + 1, [low, high] = wilson(hits, total), [least, most] = coin(total);
      answer.textContent = `${right ? "Right" : "Wrong"}: ${truth === "unit" ? "a unit" : "a random direction"}.`;
      score.textContent =
        `You: ${hits} of ${total} right, ${percent(hits / total)} [${percent(low)}, ${percent(high)}]. ` +
        `A coin: 50 %, ${least} to ${most} of ${total} in at least 95 % of games.`;
      for (const button of buttons) button.disabled = true;
      next.textContent = total < rounds ? "Next strip" : "Play again";
      next.hidden = false;
      next.focus();
      if (total === rounds) {
        const beyond = hits > most ? "You can tell them apart." : hits < least ? "You can tell them apart, and call each the other." : "A coin might have done as well.";
        answer.textContent += ` The end: ${hits} of ${rounds}. ${beyond}`;
      }
    };

    const begin = () => {
      order = shuffled(kinds.length, random).slice(0, rounds);
      hits = 0;
      score.textContent = `No guess yet. A coin: 50 %.`;
      show(0);
    };

    sheet.removeAttribute("width");
    sheet.style.height = `${100 * kinds.length}%`;
    strip.append(sheet);
    box.replaceChildren(title, strip, choices, next, answer, score);
    box.classList.add("picker-on");
    begin();
  };

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".picker").forEach(start));
})();
