// The form of a listing: a preview that follows what is typed, a field to look tags up,
// counts of characters, and a question before unsaved changes are left behind.
// Without this script the form works; its Preview button shows the same page with the preview.
(() => {
  const form = document.getElementById("listing-form");
  if (!form) return;
  const written = () => new URLSearchParams(new FormData(form)).toString();

  // --- The preview ------------------------------------------------------------------------

  const pause = 500;
  const state = document.getElementById("preview-state");
  let timer = 0;
  let asking = null;
  let shown = "";

  const openNow = (body) => [...body.querySelectorAll("details[open][id]")].map((part) => part.id);

  const show = (source) => {
    const fresh = new DOMParser().parseFromString(source, "text/html").getElementById("preview-body");
    const body = document.getElementById("preview-body");
    for (const id of openNow(body)) fresh.querySelector(`#${id}`)?.setAttribute("open", "");
    body.replaceWith(document.adoptNode(fresh));
  };

  const look = async () => {
    const now = written();
    if (now === shown) return;
    // Who reads the preview with the keyboard must not lose their place in it.
    if (document.getElementById("preview-body").contains(document.activeElement)) return later();
    asking?.abort();
    const mine = (asking = new AbortController());
    try {
      const answer = await fetch(form.dataset.preview, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        signal: mine.signal,
      });
      // Whoever is signed out meanwhile is sent to the page to sign in.
      if (!answer.ok || answer.redirected) {
        state.textContent = "It cannot be shown now. Are you still signed in?";
        return;
      }
      show((await answer.json()).html);
      shown = now;
      state.textContent = "Up to date.";
    } catch {
      if (asking === mine && !mine.signal.aborted) state.textContent = "The server is out of reach.";
    }
  };

  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(look, pause);
  };

  // --- Changes that are not saved ---------------------------------------------------------

  const begun = "unsaved" in form.dataset ? "" : written();
  let leaving = false;
  form.addEventListener("submit", () => { leaving = true; });
  addEventListener("pageshow", () => { leaving = false; });
  addEventListener("beforeunload", (event) => {
    if (!leaving && written() !== begun) event.preventDefault();
  });

  // --- Counts -----------------------------------------------------------------------------

  const count = (area) => {
    const words = area.value.trim() ? area.value.trim().split(/\s+/).length : 0;
    const note = document.getElementById(`${area.id}-count`);
    note.textContent = `${area.value.length} characters, ${words} ${words === 1 ? "word" : "words"}`;
  };
  for (const area of form.querySelectorAll("#summary-en, #summary-es")) {
    const note = document.createElement("p");
    note.className = "hint";
    note.id = `${area.id}-count`;
    area.after(note);
    count(area);
    area.addEventListener("input", () => count(area));
  }

  // --- Looking tags up --------------------------------------------------------------------

  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().trim();

  const narrow = (picker, typed) => {
    const wanted = plain(typed);
    for (const chip of picker.querySelectorAll(".chip")) {
      chip.hidden = !chip.dataset.words.includes(wanted) && !chip.querySelector("input").checked;
    }
    for (const group of picker.querySelectorAll(".choice-group")) {
      group.hidden = !group.querySelector(".chip:not([hidden])");
    }
  };

  for (const picker of form.querySelectorAll(".tag-picker")) {
    const label = document.createElement("label");
    const field = document.createElement("input");
    label.className = "tag-filter";
    label.append(`Look ${picker.dataset.tags} up, in English or Spanish`);
    field.className = "input";
    field.type = "search";
    field.autocomplete = "off";
    label.append(field);
    picker.querySelector("summary").after(label);
    field.addEventListener("input", (event) => {
      event.stopPropagation();
      narrow(picker, field.value);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault();
    });
  }

  form.addEventListener("input", later);
  form.addEventListener("change", later);
  look();
})();
