// The search of the book: a field whose results appear as one types. Its words are loaded when it is
// first opened, from script files, so that it works from the disk too.
(() => {
  const MOST = 12, BEFORE = 60, LENGTH = 190; // results; characters of a snippet, before its first hit and in all
  const root = () => document.documentElement.dataset.content_root || "./";

  const load = (name) =>
    new Promise((done, failed) => {
      const script = document.createElement("script");
      Object.assign(script, { src: `${root()}find/${name}.js`, onload: done, onerror: failed });
      document.head.append(script);
    });

  /** The sections of the book, ready to be searched. */
  const opened = async () => {
    await Promise.all([load("minisearch"), load("sections")]);
    const index = new MiniSearch({
      fields: ["title", "page", "text"],
      processTerm: (word) => (/^\p{L}$/u.test(word) ? null : word.toLowerCase()), // a letter alone finds everything
      searchOptions: {
        boost: { title: 4, page: 2 },
        combineWith: "AND",
        fuzzy: (word) => (word.length > 5 ? 0.2 : false),
        prefix: true,
      },
    });
    const sections = window.bookSections.map((section, id) => ({ id, ...section }));
    index.addAll(sections);
    return (words) => index.search(words).slice(0, MOST).map((hit) => ({ ...sections[hit.id], hit: hit.terms }));
  };

  /** Append a text in which the words that were found are marked. */
  const marked = (element, text, words) => {
    const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const pieces = words.length ? text.split(new RegExp(`(${escaped.join("|")})`, "gi")) : [text];
    // What was split at is at the odd places.
    pieces.forEach((piece, place) => {
      if (!(place % 2)) return element.append(piece);
      const mark = document.createElement("mark");
      mark.textContent = piece;
      element.append(mark);
    });
    return element;
  };

  /** The part of a section's text around the first word that was found, from word to word. */
  const snippet = (text, words) => {
    const places = words.map((word) => text.toLowerCase().indexOf(word.toLowerCase())).filter((place) => place >= 0);
    const first = Math.max(0, Math.min(...places, text.length) - BEFORE);
    const start = first && places.length ? text.indexOf(" ", first) + 1 : 0;
    const end = start + LENGTH < text.length ? text.lastIndexOf(" ", start + LENGTH) : text.length;
    return (start ? "… " : "") + text.slice(start, end) + (end < text.length ? " …" : "");
  };

  const shown = ({ title, page, url, text, hit }) => {
    const item = document.createElement("li"), link = document.createElement("a");
    link.href = root() + url;
    link.append(marked(document.createElement("b"), title, hit));
    if (page !== title) link.append(Object.assign(document.createElement("span"), { textContent: page }));
    if (text) link.append(marked(document.createElement("p"), snippet(text, hit), hit));
    item.append(link);
    return item;
  };

  document.addEventListener("DOMContentLoaded", () => {
    const dialog = document.getElementById("pst-search-dialog");
    if (!dialog) return;
    const [form, field, status, list] = ["form", "input", ".find-status", ".find-results"].map((part) =>
      dialog.querySelector(part)
    );
    let search;
    const find = async () => {
      const words = field.value.trim();
      try {
        search ??= opened();
        const results = words ? (await search)(words) : [];
        if (words !== field.value.trim()) return; // more was typed in the meantime
        list.replaceChildren(...results.map(shown));
        status.textContent = !words || results.length ? "" : `Nothing in this book has “${words}”.`;
      } catch {
        status.textContent = "The search could not be loaded: the folder find/ is missing beside this page.";
      }
    };
    field.addEventListener("focus", find);
    field.addEventListener("input", find);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      await find();
      list.querySelector("a")?.click();
    });
    // A link to another place on this page leaves the dialog.
    list.addEventListener("click", () => dialog.close());
    dialog.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const stops = [field, ...list.querySelectorAll("a")];
      if (!step || stops.length < 2) return;
      event.preventDefault();
      const next = stops.indexOf(document.activeElement) + step;
      stops[Math.max(0, Math.min(stops.length - 1, next))].focus();
    });
  });
})();
