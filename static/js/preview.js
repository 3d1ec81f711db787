// Keeps the preview beside a form in step with what is typed; its Preview button does the same.
(() => {
  const form = document.querySelector("form[data-preview]");
  const shown = form && document.getElementById(form.dataset.preview);
  if (!shown) return;
  let timer;
  let running = new AbortController();

  const refresh = async () => {
    running.abort();
    running = new AbortController();
    const body = new URLSearchParams(new FormData(form));
    body.set("do", "preview");
    try {
      const response = await fetch(form.action, { method: "POST", body, signal: running.signal });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const fresh = page.getElementById(shown.id);
      if (fresh) shown.replaceChildren(...fresh.childNodes);
    } catch (error) {
      // Without an answer the preview stays as it is, and the button is still there.
      if (error.name !== "AbortError") console.warn(error);
    }
  };

  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, 600);
  });
})();
