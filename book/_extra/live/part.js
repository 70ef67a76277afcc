// What every picture that a reader moves is made of: a box above its caption, digits to choose from.
(() => {
  const { intriguing } = window;
  const PIXELS = 28 * 28;
  const FOLDER = new URL(".", document.currentScript.src);
  // The place of the test digits in a part's page: `choices` fills it.
  const CHOOSER = `
    <fieldset class="live-digits">
      <legend>A test digit.</legend>
      <div data-is="digits"></div>
    </fieldset>`;

  let groups = 0; // of radio buttons, on this page

  /**
   * The test digits that the page has, two of each class.
   *
   * @returns {{label: number, row: number, pixels: Float32Array}[]} in the order of the classes
   */
  const digits = () => {
    const bytes = Uint8Array.from(atob(intriguing.digits.pixels), (c) => c.charCodeAt(0));
    return intriguing.digits.labels.map((label, row) => ({
      label,
      row,
      pixels: Float32Array.from(bytes.subarray(row * PIXELS, (row + 1) * PIXELS), (byte) => byte / 255),
    }));
  };

  /**
   * Fill an element with the test digits, as radio buttons.
   *
   * @param {HTMLElement} box - within a fieldset of class "live-digits"
   * @param {function(object, HTMLCanvasElement): void} choose - is told of each choice: the digit, as
   *   `digits` gives it, and its picture
   * @returns {HTMLInputElement[]} the buttons; a click chooses one
   */
  const choices = (box, choose) => {
    const name = `live-digit-${++groups}`;
    return digits().map((digit, place) => {
      const label = document.createElement("label"), picture = document.createElement("canvas");
      const told = `a ${digit.label}, ${place % 2 ? "the second" : "the first"}`;
      label.innerHTML = `<input type="radio" name="${name}" aria-label="${told}">`;
      Object.assign(picture, { width: 28, height: 28 });
      intriguing.digit(picture, digit.pixels);
      label.append(picture);
      label.firstChild.addEventListener("change", () => choose(digit, picture));
      box.append(label);
      return label.firstChild;
    });
  };

  /**
   * Fill a select with the networks, in plain words.
   *
   * @param {HTMLSelectElement} select - its value is a network's name
   * @param {string} first - the one that is selected
   */
  const networks = (select, first) => {
    for (const [name, words] of Object.entries(intriguing.digits.networks)) select.add(new Option(words, name));
    select.value = first;
  };

  /**
   * Load a script that holds what only some parts need.
   *
   * @param {string} name - of the script, beside this one
   * @returns {Promise<void>} when it has run
   */
  const script = (name) =>
    new Promise((resolve, reject) => {
      const element = document.createElement("script");
      element.onload = () => resolve();
      element.onerror = () => reject(new Error(`${name}.js cannot be loaded`));
      element.src = new URL(`${name}.js`, FOLDER);
      document.head.append(element);
    });

  // A part is made when it is about to come into view: what it computes costs a reader nothing before.
  const whenNear = (element, make) => {
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      make();
    }, { rootMargin: "600px" });
    observer.observe(element);
  };

  /**
   * Make each element that the directive {live} has left for a part.
   *
   * @param {string} name - of the part: that of its script
   * @param {string} page - HTML; elements with an attribute data-is are handed over by it
   * @param {function(object): void} start - is handed the elements
   */
  const part = (name, page, start) => {
    document.addEventListener("DOMContentLoaded", () => {
      for (const element of document.querySelectorAll(`.live-${name}`)) {
        const app = document.createElement("div");
        app.className = "live-app";
        app.innerHTML = page;
        element.prepend(app);
        element.classList.add("live-on");
        whenNear(element, () => start(intriguing.named(app)));
      }
    });
  };

  Object.assign(intriguing, { CHOOSER, choices, networks, part, script, folder: FOLDER });
})();
