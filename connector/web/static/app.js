// Pages work without this file. It copies ids, keeps a running part fresh, closes toasts.
// In a platform's frame frame.js takes over how things are asked for: it replaces `connector.ask` and `connector.again`.
(() => {
  "use strict";

  const say = (text) => {
    const voice = document.getElementById("voice");
    if (voice) voice.textContent = text;
  };

  const connector = {
    say,
    ask: (url) => fetch(url, { headers: { "X-Part": "1" }, credentials: "same-origin" }),
    again: () => location.reload(),
    start,
  };
  window.connector = connector;

  // Copy buttons are hidden until a script is there: without one the id itself can be selected.
  function copying(root) {
    for (const button of root.querySelectorAll("button[data-copy]")) {
      button.hidden = false;
      button.addEventListener("click", async () => {
        const from = button.dataset.copyFrom && document.getElementById(button.dataset.copyFrom);
        const text = from ? from.innerText.trim() : button.dataset.copy;
        const word = button.querySelector("[data-word]");
        const before = word.textContent;
        try {
          await navigator.clipboard.writeText(text);
          word.textContent = "Copied";
        } catch {
          word.textContent = "Select it and copy";
        }
        say(word.textContent);
        setTimeout(() => { word.textContent = before; }, 2000);
      });
    }
  }

  // A running part is asked for again every 2 s, every 15 s when nothing changed or nobody looks, until it is final.
  function polling(part) {
    let spoken = -10;
    let pause = 2000;
    let last = "";
    const next = () => setTimeout(ask, document.hidden ? 15000 : pause);
    const ask = async () => {
      if (!part.isConnected) return; // the page it was on was swapped for another
      part.setAttribute("aria-busy", "true");
      try {
        const answer = await connector.ask(part.dataset.poll);
        if (answer.status === 401 || answer.status === 204 || answer.redirected) { connector.again(); return; }
        if (!answer.ok) throw new Error(String(answer.status));
        const html = await answer.text();
        if (!part.isConnected) return;
        pause = html === last ? 15000 : 2000;
        if (html !== last) {
          const open = [...part.querySelectorAll("details[open]")].map((each) => each.id);
          const held = document.activeElement && part.contains(document.activeElement) ? document.activeElement.id : "";
          part.innerHTML = html;
          for (const id of open) document.getElementById(id)?.setAttribute("open", "");
          if (held) document.getElementById(held)?.focus();
          last = html;
        }
        const bar = part.querySelector("progress[max]");
        const done = bar ? Math.floor((100 * bar.value) / bar.max) : 0;
        if (bar && done >= spoken + 10) { spoken = done - (done % 10); say(`${spoken} % read`); }
        const state = part.firstElementChild?.dataset.state;
        if (state === "final") { say(part.firstElementChild.dataset.word || "Finished"); connector.again(); return; }
      } catch {
        pause = 15000;
        part.querySelector("[data-heard]")?.replaceChildren("We could not ask just now; the figures are the last we have.");
      } finally {
        part.removeAttribute("aria-busy");
      }
      next();
    };
    next();
  }

  // Everything that a page, or a part of one that was swapped in, needs to have started.
  function start(root) {
    copying(root);
    for (const button of root.querySelectorAll("button[data-close]")) {
      button.hidden = false;
      button.addEventListener("click", () => button.closest("[data-toast]").remove());
    }
    for (const part of root.querySelectorAll("[data-poll]")) polling(part);
    // An error summary is where the reader should be.
    root.querySelector("[data-summary]")?.focus();
  }

  // A second press while the first is on its way sends nothing: the page that comes says what became of it. Nothing is
  // greyed out, and where no page comes (a download, a lost connection) the form can be sent again soon.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); event.stopImmediatePropagation(); return; }
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 3000);
  });
  // Back to a page that the browser kept as it was: what was sent from it may be sent anew.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  start(document);
})();
