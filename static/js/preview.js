// The form of a resource or a guide: a preview that follows what is typed, and a question
// before unsaved changes are left behind. Without this script its Preview button does the same.
(() => {
  const form = document.querySelector("form[data-preview]");
  if (!form) return;
  const body = document.getElementById(form.dataset.preview);
  const status = document.getElementById("preview-status");
  const written = () => new URLSearchParams(new FormData(form));
  let timer = 0;
  let asking = new AbortController();

  const look = async () => {
    // Who reads the preview with the keyboard must not lose their place in it.
    if (body.contains(document.activeElement)) return later();
    asking.abort();
    const mine = (asking = new AbortController());
    const typed = written();
    typed.set("do", "preview");
    try {
      const answer = await fetch(form.action, { method: "POST", body: typed, signal: mine.signal });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(body.id);
      // Whoever is signed out meanwhile is sent to the page to sign in.
      if (fresh) body.replaceChildren(...fresh.childNodes);
      status.textContent = fresh
        ? "As it stands in the form, not saved."
        : "It cannot be shown now. Are you still signed in?";
    } catch {
      if (!mine.signal.aborted) status.textContent = "The server is out of reach.";
    }
  };

  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(look, 600);
  };

  const begun = "unsaved" in form.dataset ? "" : written().toString();
  let leaving = false;
  form.addEventListener("submit", () => { leaving = true; });
  addEventListener("pageshow", () => { leaving = false; });
  addEventListener("beforeunload", (event) => {
    if (!leaving && written().toString() !== begun) event.preventDefault();
  });

  form.addEventListener("input", later);
})();
