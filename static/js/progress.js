// Moves the bar of a page that waits for work on the server, and opens the page anew at the end.
// Without this script the page opens itself anew every few seconds.
(() => {
  const box = document.querySelector("[data-progress]");
  if (!box) return;
  const bar = box.querySelector("progress");
  const words = box.querySelector("[data-progress-words]");

  const show = (now) => {
    words.textContent = now.words;
    if (now.total) {
      bar.max = now.total;
      bar.value = now.done;
    } else {
      bar.removeAttribute("value");
    }
  };

  const look = async () => {
    try {
      const answer = await fetch(box.dataset.progress);
      // Signed out meanwhile, or the import is gone: the page itself says so.
      if (answer.redirected || !answer.ok) return location.reload();
      const now = await answer.json();
      if (!now.working) return location.reload();
      show(now);
    } catch {
      // The server is out of reach for a moment.
    }
    setTimeout(look, 1000);
  };

  setTimeout(look, 500);
})();
