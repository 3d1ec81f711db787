// The desk's list: results as one types, choosing, and keys. The page works without it.
(() => {
  const form = document.getElementById("narrow");
  const found = document.getElementById("found");
  const count = document.getElementById("count");
  const WAIT_MS = 200;

  // --- Results as one types

  let timer = 0;
  let running = null;

  const addressOf = () => {
    const given = [...new FormData(form)].filter(([, value]) => value);
    const query = new URLSearchParams(given).toString();
    return form.action + (query ? "?" + query : "");
  };

  const takeCounts = (page) => {
    for (const input of form.querySelectorAll(".facet-choice input")) {
      const other = page.querySelector(`.facet-choice input[name="${input.name}"][value="${input.value}"]`);
      const [here, there] = [input, other].map((one) => one?.parentElement.querySelector(".count"));
      if (here && there) here.replaceChildren(...there.cloneNode(true).childNodes);
    }
  };

  const show = (page, address) => {
    const chosen = new Set(boxes().filter((box) => box.checked).map((box) => box.value));
    found.replaceChildren(...page.getElementById("found").childNodes);
    for (const box of boxes()) box.checked = chosen.has(box.value);
    count.replaceChildren(...page.getElementById("count").childNodes);
    takeCounts(page);
    prepare();
    history.replaceState(null, "", address);
  };

  const update = async () => {
    running?.abort();
    const mine = running = new AbortController();
    const address = addressOf();
    found.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(address, { signal: mine.signal });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      // Signed out meanwhile, or something is wrong: let the page itself say so.
      if (!answer.ok || answer.redirected || !page.getElementById("found")) location.assign(address);
      else show(page, address);
    } catch (error) {
      if (error.name !== "AbortError") location.assign(address);
    } finally {
      if (running === mine) found.removeAttribute("aria-busy");
    }
  };

  const soon = (wait) => {
    clearTimeout(timer);
    timer = setTimeout(update, wait);
  };

  form.addEventListener("input", (event) => soon(event.target.type === "search" ? WAIT_MS : 0));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    soon(0);
  });

  // --- Choosing

  const boxes = () => [...found.querySelectorAll('input[name="slug"]')];

  const tell = () => {
    const line = found.querySelector(".desk-chosen");
    if (!line) return;
    const n = boxes().filter((box) => box.checked).length;
    const all = found.querySelector('input[name="all"]')?.checked;
    line.textContent = all ? "All that fit are chosen." : n ? `${n} chosen.` : "Nothing is chosen.";
    const page = found.querySelector("#choose-page");
    page.checked = n > 0 && n === boxes().length;
    page.indeterminate = n > 0 && n < boxes().length;
    const form = line.closest("form");
    form.elements.to.parentElement.hidden = form.elements.action.value !== "assign";
  };

  const prepare = () => {
    for (const part of found.querySelectorAll(".desk-chosen, .desk-page")) part.hidden = false;
    tell();
  };

  found.addEventListener("change", (event) => {
    if (event.target.id === "choose-page") for (const box of boxes()) box.checked = event.target.checked;
    tell();
  });
  prepare();

  // --- Keys

  const keys = document.getElementById("keys");
  const useKeys = document.getElementById("use-keys");
  keys.hidden = false;
  useKeys.checked = localStorage.getItem("desk-keys") !== "off";
  useKeys.addEventListener("change", () => localStorage.setItem("desk-keys", useKeys.checked ? "on" : "off"));

  const rows = () => [...found.querySelectorAll("tbody tr")];
  const current = () => document.activeElement.closest("#found tbody tr");

  const move = (step) => {
    const all = rows();
    const at = all.indexOf(current());
    const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1);
    all[next]?.querySelector("th a").focus();
  };

  const ACTS = {
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    x: () => current()?.querySelector('input[name="slug"]').click(),
    e: () => {
      const address = current()?.dataset.edit;
      if (address) location.assign(address);
    },
    "/": () => form.elements.q.select(),
    "?": () => {
      keys.open = true;
      keys.querySelector("summary").focus();
    },
  };

  const isTyping = (target) => target.matches("textarea, select, [contenteditable], input:not([type=checkbox])");

  document.addEventListener("keydown", (event) => {
    if (!useKeys.checked || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    // Outside the list the arrows scroll, as everywhere.
    if (event.key.startsWith("Arrow") && !current()) return;
    const act = ACTS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
