/*! Waymark widget 1.0.0: nonprofits beside a page. No cookie, no storage, no global name. */
(() => {
  "use strict";
  const script = document.currentScript;
  const site = new URL(script.src).origin;
  const TAG = "waymark-matches";
  const OPTIONS = ["topic", "place", "size", "theme", "font", "accent", "radius"];
  const WAIT_MS = 8000;
  const PATIENCE_MS = 3000;
  const MAX_TEXT = 20000;
  const MIN_TEXT = 200;
  const SKIPPED =
    "nav,aside,footer,form,button,select,textarea,script,style,noscript,template,iframe,svg," +
    `dialog,[hidden],[aria-hidden=true],${TAG}`;
  const STYLE =
    ":host{display:block}div{display:grid;grid-template-columns:minmax(0,1fr)}" +
    "slot{display:block}slot,iframe{grid-area:1/1}iframe{width:100%;border:0;visibility:hidden}" +
    ".ready slot{display:none}.ready iframe{visibility:visible}";

  // What a reader sees below a node, without what is no part of the article.
  const read = (node) => {
    let text = "";
    for (const child of node.childNodes) {
      if (text.length > MAX_TEXT) break;
      if (child.nodeType === 3) text += child.data;
      if (child.nodeType !== 1 || child.matches(SKIPPED)) continue;
      const { display, visibility } = getComputedStyle(child);
      if (display === "none" || visibility !== "visible") continue;
      const gap = display === "inline" && child.tagName !== "BR" ? "" : "\n";
      text += gap + read(child) + gap;
    }
    return text;
  };

  const findArticle = (element, selector) => {
    if (selector !== "auto") return document.querySelector(selector);
    const size = (article) => article.textContent.length;
    const articles = [...document.querySelectorAll("article,[itemprop=articleBody]")];
    return (
      element.closest("article") ??
      articles.sort((one, other) => size(other) - size(one))[0] ??
      document.querySelector("main,[role=main]")
    );
  };

  const languageOf = (element) => element?.closest("[lang]")?.lang ?? "";

  class Matches extends HTMLElement {
    static observedAttributes = ["partner", "context", "lang", ...OPTIONS];
    #running;

    connectedCallback() {
      this.#restart();
    }

    disconnectedCallback() {
      this.#running?.abort();
    }

    attributeChangedCallback() {
      if (this.isConnected) this.#restart();
    }

    // Several attributes that change at once are one change.
    #restart() {
      this.#running?.abort();
      const { signal } = (this.#running = new AbortController());
      queueMicrotask(() => {
        if (!signal.aborted && this.getAttribute("partner")) this.#start(signal);
      });
    }

    #start(signal) {
      // Old browsers stop here, and the link stays.
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [sheet];
      const box = document.createElement("div");
      const frame = document.createElement("iframe");
      box.append(document.createElement("slot"), frame);
      root.replaceChildren(box);

      // The height changes only where nothing moves before the reader's eyes: below the
      // window, or while they are in the frame. Until then the frame scrolls.
      let wanted = Math.round(this.#reserved());
      let height = wanted;
      const fit = () => {
        const { top } = frame.getBoundingClientRect();
        const unseen = top + Math.min(wanted, height) >= innerHeight;
        if (wanted === height || !(unseen || document.activeElement === this)) return;
        height = wanted;
        frame.style.height = `${height}px`;
      };
      const say = (name) => this.dispatchEvent(new CustomEvent(name, { bubbles: true }));

      let port;
      const isNear = () => frame.getBoundingClientRect().top < innerHeight + 1250;
      const wait = (wasNear) =>
        setTimeout(() => {
          if (port || signal.aborted) return;
          if (!wasNear) return wait(isNear());
          frame.src = "about:blank";
          wanted = 1;
          fit();
          say("waymark-failed");
        }, WAIT_MS);
      const hear = ({ data }) => {
        const asked = data?.waymark === "height" && data.height;
        if (Number.isInteger(asked) && asked > 0 && asked < 20000) wanted = asked;
        fit();
      };
      const meet = ({ source, data, ports }) => {
        if (source !== frame.contentWindow || data?.waymark !== "ready" || !ports[0]) return;
        port?.close();
        port = ports[0];
        port.onmessage = hear;
        if (box.className !== "ready") say("waymark-ready");
        box.className = "ready";
        if (this.hasAttribute("context")) this.#hand(port, signal, 10);
      };
      addEventListener("message", meet, { signal });
      addEventListener("scroll", fit, { signal, passive: true });
      addEventListener("blur", fit, { signal });
      signal.addEventListener("abort", () => port?.close());

      const spanish = languageOf(this).startsWith("es");
      frame.title = spanish ? "Organizaciones afines, de Waymark" : "Nonprofits, by Waymark";
      frame.style.height = `${height}px`;
      frame.loading = "lazy";
      frame.referrerPolicy = "no-referrer";
      frame.sandbox = "allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox";
      const given = [...OPTIONS, "context"].filter((name) => this.hasAttribute(name));
      const query = given.map((name) => [name, name === "context" ? "1" : this.getAttribute(name)]);
      const path = `${spanish ? "/es" : ""}/embed/${encodeURIComponent(this.getAttribute("partner"))}`;
      const address = `${site}${path}?${new URLSearchParams(query)}`;

      // A frame delays the event `load` of its page, unless that is past; but some pages load
      // for very long.
      const begin = () => {
        if (signal.aborted || frame.src) return;
        frame.src = address;
        wait(isNear());
      };
      if (document.readyState === "complete") return begin();
      addEventListener("load", begin, { signal });
      setTimeout(begin, PATIENCE_MS);
    }

    // A page that is built by scripts may have its article a moment later.
    #hand(port, signal, tries) {
      let article;
      let text = "";
      try {
        article = findArticle(this, this.getAttribute("context"));
        if (article) text = read(article).trim().slice(0, MAX_TEXT);
      } catch {
        tries = 0; // The selector is none.
      }
      if (text.length >= MIN_TEXT || !tries || signal.aborted) {
        port.postMessage({ waymark: "article", text, language: languageOf(article) });
      } else {
        setTimeout(() => this.#hand(port, signal, tries - 1), 500);
      }
    }

    // The height that the page has set aside, else one that most frames will do with.
    #reserved() {
      if (this.offsetHeight > 200) return this.offsetHeight;
      const width = Math.max(240, this.offsetWidth);
      if (!this.hasAttribute("topic") && !this.hasAttribute("context")) return 380 + 95000 / width;
      const columns = Math.max(1, Math.floor((width - 18) / 296));
      const rows = Math.ceil(({ small: 2, large: 5 }[this.getAttribute("size")] ?? 3) / columns);
      return 220 + 55000 / width + rows * (105 + 47000 / (width / columns - 28));
    }
  }

  if (!customElements.get(TAG)) customElements.define(TAG, Matches);
  if (script.dataset.partner) {
    const element = document.createElement(TAG);
    for (const [name, value] of Object.entries(script.dataset)) element.setAttribute(name, value);
    const link = [script.nextElementSibling, script.previousElementSibling].find(
      (neighbour) => neighbour?.localName === "a",
    );
    script.after(element);
    if (link) element.append(link);
  }
})();
