// In a platform's frame (Shopify's admin): cookies don't get here, so every request carries a session token that App
// Bridge gives for a minute. Links and forms of this app are therefore loaded by fetch and <main> is swapped; the
// address, the title, the focus and a spoken line follow, as on a page that the browser loaded itself.
(() => {
  "use strict";

  const { connector } = window;
  const bridge = window.shopify;
  const RETRY = "X-Shopify-Retry-Invalid-Session-Request";
  const PASSING = ["id_token", "bounced", "hmac", "timestamp", "session"];
  const AWAY = "We could not reach connector. Check your connection, then try again.";
  const LOST = "We could not hear whether that was done. Look at the page again before you repeat it.";
  let under_way = null; // the AbortController of the page that is being loaded

  // --- asking with a token ------------------------------------------------------------------------------------------

  // A token of its own for every request: the one that App Bridge's own fetch adds may have run out in an idle tab.
  const ask = async (url, options = {}) => {
    const send = async () => {
      const headers = new Headers(options.headers);
      headers.set("Authorization", `Bearer ${await bridge.idToken()}`);
      headers.set("X-Frame", "1");
      return fetch(url, { ...options, headers, credentials: "omit" });
    };
    const answer = await send();
    return answer.status === 401 && answer.headers.get(RETRY) ? send() : answer;
  };

  // A document of ours in the frame, with a token in its address: for the first load and after a join.
  const load = async (target, more = {}) => {
    const url = new URL(target, location.origin);
    const here = new URLSearchParams(location.search);
    for (const name of ["shop", "host"]) {
      if (here.get(name) && !url.searchParams.has(name)) url.searchParams.set(name, here.get(name));
    }
    url.searchParams.set("embedded", "1");
    for (const [name, value] of Object.entries(more)) url.searchParams.set(name, value);
    url.searchParams.set("id_token", await bridge.idToken());
    location.replace(url);
  };

  // --- swapping -----------------------------------------------------------------------------------------------------

  const trouble = (text, retry) => {
    const main = document.getElementById("main");
    main.querySelector("[data-trouble]")?.remove();
    const box = document.createElement("div");
    box.className = "toast-line kind-bad";
    box.dataset.trouble = "";
    box.tabIndex = -1;
    box.setAttribute("role", "alert");
    const words = document.createElement("span");
    words.textContent = text;
    const again = document.createElement("button");
    again.type = "button";
    again.className = "btn btn-sm btn-plain";
    again.textContent = text === LOST ? "Look again" : "Try again";
    again.addEventListener("click", () => { box.remove(); retry(); });
    box.append(words, again);
    main.prepend(box);
    box.focus();
  };

  const swap = (html, url, { push, keep }) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    const fresh = page.getElementById("main");
    if (!fresh) { load(url); return; }
    document.title = page.title;
    document.body.className = page.body.className;
    const bar = page.querySelector("header.bar");
    if (bar) document.querySelector("header.bar")?.replaceWith(bar);
    const held = keep && document.activeElement?.id;
    hold(fresh);
    document.getElementById("main").replaceWith(fresh);
    if (push && url.href !== location.href) history.pushState({ frame: true }, "", url);
    connector.start(fresh);
    pictures(fresh);
    asking(fresh);
    if (keep) { if (held) document.getElementById(held)?.focus(); return; }
    const place = url.hash && document.getElementById(decodeURIComponent(url.hash.slice(1)));
    if (place) place.scrollIntoView(); else scrollTo(0, 0);
    // An error summary has taken the focus already; else the reader begins at the top of what is new.
    if (!fresh.contains(document.activeElement)) (place || fresh).focus({ preventScroll: true });
    connector.say(page.title.split(" · ")[0]);
  };

  const download = async (answer) => {
    const given = answer.headers.get("Content-Disposition") || "";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = /filename="?([^";]+)"?/.exec(given)?.[1] || "download";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  const own = (url) => url.origin === location.origin;
  const clean = (url) => {
    for (const name of [...PASSING, "embedded", "shop", "host", "locale"]) url.searchParams.delete(name);
    return url;
  };

  // Load `url` (and send `body`, for a form); at most one page at a time, the newest wish counts.
  const go = async (target, { push = true, keep = false, method = "GET", body, said } = {}) => {
    const url = clean(new URL(target, location.origin));
    if (method === "GET") under_way?.abort();
    const control = new AbortController();
    if (method === "GET") under_way = control;
    const main = document.getElementById("main");
    main.setAttribute("aria-busy", "true");
    try {
      const headers = { Accept: "text/html" };
      if (said) headers["X-Frame-Said"] = said;
      const answer = await ask(url, { method, body, headers, signal: control.signal });
      const anew = answer.headers.get("X-Frame-Document");
      if (anew) { await load(anew); return; }
      const onward = answer.headers.get("X-Frame-Location");
      if (onward) {
        const next = new URL(onward, url);
        if (!own(next)) { open(next, "_top"); return; }
        await go(next, { said: answer.headers.get("X-Frame-Said"), keep });
        return;
      }
      const html = (answer.headers.get("Content-Type") || "").startsWith("text/html");
      if (!html || (answer.headers.get("Content-Disposition") || "").startsWith("attachment")) {
        if (answer.ok) await download(answer); else throw new TypeError(String(answer.status));
        return;
      }
      const text = await answer.text();
      if (control.signal.aborted) return;
      swap(text, url, { push: push && method === "GET", keep });
    } catch (error) {
      if (error.name === "AbortError") return;
      // What was sent may have been done: it is never sent twice by us.
      if (method === "GET") trouble(AWAY, () => go(target, { push, keep, said }));
      else trouble(LOST, () => go(location.href, { push: false }));
    } finally {
      document.getElementById("main")?.removeAttribute("aria-busy");
    }
  };

  // A picture can't send a token: the one that fits is asked for here, and its bytes are shown.
  const pictures = (root) => {
    for (const image of root.querySelectorAll("img")) {
      const sources = [...(image.closest("picture")?.querySelectorAll("source") || [])];
      const fits = sources.find((each) => !each.media || matchMedia(each.media).matches);
      const address = image.dataset.own || fits?.srcset || image.getAttribute("src");
      if (!address?.startsWith("/dashboard")) continue;
      for (const each of sources) each.remove();
      ask(address).then(async (answer) => {
        if (answer.ok) image.src = URL.createObjectURL(await answer.blob());
      }).catch(() => {});
    }
  };

  // Before a page is put in: its pictures are not to be asked for without a token.
  const hold = (root) => {
    for (const image of root.querySelectorAll("img[src^='/dashboard']")) {
      const sources = [...(image.closest("picture")?.querySelectorAll("source") || [])];
      const fits = sources.find((each) => !each.media || matchMedia(each.media).matches);
      image.dataset.own = fits?.srcset || image.getAttribute("src");
      image.removeAttribute("src");
      for (const each of sources) each.remove();
    }
  };

  // Permissions are asked for by the admin itself; what came of it is read again by the form around the button.
  const asking = (root) => {
    for (const button of root.querySelectorAll("button[data-scopes]")) {
      button.hidden = !bridge.scopes;
      button.addEventListener("click", async () => {
        const given = await bridge.scopes.request(button.dataset.scopes.split(",")).catch(() => null);
        if (given?.result === "granted-all") button.form.requestSubmit();
        else connector.say("Nothing was changed");
      });
    }
  };

  // --- what a person does -------------------------------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const url = new URL(link.href, location.href);
    if (!/^https?:$/.test(url.protocol) || link.target) return;
    if (!own(url)) { event.preventDefault(); open(url, "_blank", "noopener"); return; }
    if (url.hash && url.pathname === location.pathname && clean(new URL(url)).search === clean(new URL(location)).search) return;
    event.preventDefault();
    go(url);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.dataset.sending) return event.preventDefault();
    const by = event.submitter;
    const url = new URL(by?.getAttribute("formaction") || form.getAttribute("action") || location.href, location.href);
    if (!own(url)) return;
    event.preventDefault();
    const data = new FormData(form, by);
    const method = (by?.getAttribute("formmethod") || form.method).toUpperCase();
    form.dataset.sending = "1"; // pressed twice is sent once
    const done = () => { delete form.dataset.sending; };
    if (method === "GET") {
      url.search = new URLSearchParams(data);
      go(url).finally(done);
      return;
    }
    const files = form.enctype === "multipart/form-data";
    go(url, { method, body: files ? data : new URLSearchParams(data) }).finally(done);
  });

  addEventListener("popstate", () => go(location.href, { push: false }));

  // --- the beginning ------------------------------------------------------------------------------------------------

  connector.ask = (url) => ask(url, { headers: { "X-Part": "1" } });
  connector.again = () => go(location.href, { push: false, keep: true });

  const begin = async () => {
    const bouncing = document.querySelector("[data-bounce]");
    if (window.top === window) {
      // Not in a frame: App Bridge leads into the admin by itself; who stays here gets the page as it stands alone.
      if (bouncing) location.replace(bouncing.dataset.bounce);
      return;
    }
    if (!bridge) { trouble("The admin's own script did not load, so it can't tell us who you are.", () => location.reload()); return; }
    if (bouncing) {
      const rounds = new URLSearchParams(location.search).get("bounced") || "1";
      await load(bouncing.dataset.bounce, { bounced: rounds });
      return;
    }
    // A token is good for a minute and for one load: it has no place in the history.
    const url = new URL(location.href);
    for (const name of PASSING) url.searchParams.delete(name);
    if (url.href !== location.href) history.replaceState({ frame: true }, "", url);
    pictures(document);
    asking(document);
  };

  begin().catch(() => trouble("The admin did not tell us who you are.", () => location.reload()));
})();
