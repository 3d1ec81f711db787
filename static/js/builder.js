// The builder: what is chosen shows at once, and code is copied at a press. Without this
// script the form's own button shows the same, and the code can be selected.
(() => {
  const form = document.querySelector(".builder-form");
  if (!form) return;
  const status = document.getElementById("builder-status");
  let asking = new AbortController();

  const isTyping = (element, sent) =>
    element.localName === "input" && element.type === "text" && sent.get(element.name) !== element.value;

  // Put in what differs, but take nothing away from somebody who is writing there.
  const renew = (part, fresh, sent) => {
    const held = part.contains(document.activeElement) ? document.activeElement : null;
    if (!fresh || part.innerHTML === fresh.innerHTML || (held && isTyping(held, sent))) return;
    part.replaceChildren(...fresh.childNodes);
    if (held) (document.getElementById(held.id) ?? part.querySelector("input, textarea"))?.focus();
  };

  const showCopying = () => {
    for (const button of document.querySelectorAll(".copy")) button.hidden = false;
  };

  const show = (page, sent) => {
    for (const part of document.querySelectorAll(".part")) {
      renew(part, page.getElementById(part.id), sent);
    }
    const frame = document.querySelector(".stage iframe");
    const fresh = page.querySelector(".stage iframe");
    // A new frame, because going on in the old one would be a step that "back" undoes.
    if (frame.getAttribute("src") !== fresh.getAttribute("src")) frame.replaceWith(fresh);
    document.querySelector("a.language").href = page.querySelector("a.language").getAttribute("href");
    showCopying();
  };

  const look = async () => {
    asking.abort();
    const mine = (asking = new AbortController());
    const sent = new URLSearchParams(new FormData(form));
    const address = `${form.getAttribute("action")}?${sent}`;
    try {
      const answer = await fetch(address, { signal: mine.signal });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!page.querySelector(".builder-form")) throw new Error("another page");
      show(page, sent);
      history.replaceState(null, "", address);
      status.textContent = form.dataset.current;
    } catch {
      if (!mine.signal.aborted) status.textContent = form.dataset.failed;
    }
  };

  const copy = async (code) => {
    code.select();
    try {
      await navigator.clipboard.writeText(code.value);
      return form.dataset.copied;
    } catch {
      return form.dataset.selected;
    }
  };

  form.addEventListener("change", look);
  document.addEventListener("click", async (event) => {
    const button = event.target.closest(".copy");
    if (!button) return;
    const told = await copy(document.getElementById(button.dataset.code));
    button.focus();
    button.parentNode.querySelector(".copied").textContent = told;
  });
  showCopying();
})();
