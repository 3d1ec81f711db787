// The frame's side of the talk with the page around it. It hears nothing but what comes
// through a channel of its own, whose other end only the loader beside the frame is given.
(() => {
  "use strict";
  if (parent === window) return;
  const { body } = document;
  const { counter, counted, reader } = body.dataset;
  const { port1: host, port2: end } = new MessageChannel();
  const WAIT_MS = 8000;
  const MAX_TEXT = 20000;
  const GAP_PX = 15;
  const main = () => document.querySelector("main");
  const footer = document.querySelector("footer");
  let article = null;

  const count = (kind) =>
    fetch(counter, {
      method: "POST",
      body: new URLSearchParams({ kind }),
      mode: "no-cors",
      credentials: "omit",
      keepalive: true,
    }).catch(() => {});

  const fit = () => {
    if ("waiting" in body.dataset) return;
    // The body fills the frame, so that what is in it is measured instead.
    const edge = main().getBoundingClientRect().left;
    const height = main().offsetHeight + GAP_PX + footer.offsetHeight + 2 * edge;
    host.postMessage({ waymark: "height", height: Math.ceil(height) });
  };

  const size = new ResizeObserver(fit);

  const stopWaiting = () => {
    delete body.dataset.waiting;
    fit();
  };

  // Post the text of the page around, and show what comes back in the place of the form.
  const ask = async (form) => {
    form.set("text", article.text);
    form.set("language", article.language);
    try {
      const answer = await fetch(reader, { method: "POST", body: form, credentials: "omit" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      main().replaceWith(page.querySelector("main"));
      document.title = page.title;
      size.observe(main());
    } finally {
      stopWaiting();
    }
  };

  const hear = ({ data }) => {
    if (!reader || !data || data.waymark !== "article" || typeof data.text !== "string") return;
    const { text, language } = data;
    if (article || !text.trim()) return stopWaiting();
    article = { text: text.slice(0, MAX_TEXT), language: String(language ?? "").slice(0, 20) };
    ask(new FormData()).catch(() => {});
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.target === "_blank") count("click");
    if (!article || form.getAttribute("action") !== reader) return;
    event.preventDefault();
    count("open");
    ask(new FormData(form)).then(
      () => document.querySelector("h1").focus(),
      () => {},
    );
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("a[target=_blank]")) count("click");
  });

  if (reader) {
    body.dataset.waiting = "";
    setTimeout(stopWaiting, WAIT_MS);
  }
  if (counted) count(counted);
  host.onmessage = hear;
  size.observe(main());
  size.observe(footer);
  parent.postMessage({ waymark: "ready" }, "*", [end]);
})();
