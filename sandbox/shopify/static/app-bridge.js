// A stand-in for App Bridge: what an app may rely on of the real one, for development and tests. Not Shopify's code.
//   shopify.config, shopify.idToken(), shopify.scopes.{query,request,revoke}(), shopify.toast.show()
//   fetch to the app's own origin gets the token, unless it brings one; a 401 that asks for it is tried once more
//   history.pushState and replaceState, and each new document, are told to the admin
//   `?shopify-reload=` loads that page with a token; outside of the admin the app is opened inside it
(() => {
  "use strict";
  const admin = new URL(document.currentScript.src).origin;
  const key = document.querySelector("meta[name=shopify-api-key]")?.content || document.currentScript.dataset.apiKey;
  if (!key) throw new Error("App Bridge: missing api key (meta name=shopify-api-key)");
  const query = new URLSearchParams(location.search);
  // No storage: a browser may deny it in a frame of another site.
  const config = { apiKey: key, host: query.get("host") || "", shop: query.get("shop") || "", locale: query.get("locale") || "en" };

  if (window.top === window) {
    if (config.shop) location.replace(`${admin}/shops/${config.shop}/admin/apps/${key}`);
    return;
  }

  let last = 0;
  const waiting = new Map();
  addEventListener("message", (event) => {
    if (event.source !== parent || event.origin !== admin || !event.data?.standIn) return;
    const { id, value, error } = event.data;
    const [resolve, reject] = waiting.get(id) || [];
    waiting.delete(id);
    if (error) reject?.(new Error(error)); else resolve?.(value);
  });
  const tell = (act, more = {}) => new Promise((resolve, reject) => {
    last += 1;
    waiting.set(last, [resolve, reject]);
    parent.postMessage({ standIn: true, id: last, act, ...more }, admin);
  });

  window.shopify = {
    config,
    idToken: () => tell("idToken"),
    scopes: {
      query: () => tell("scopes.query"),
      request: (scopes) => tell("scopes.request", { scopes }),
      revoke: (scopes) => tell("scopes.revoke", { scopes }),
    },
    toast: { show: (text) => { tell("toast", { text }); } },
  };

  const plain = window.fetch;
  window.fetch = async (input, options) => {
    const asked = new Request(input, options);
    if (new URL(asked.url).origin !== location.origin) return plain(asked);
    const send = async (own) => {
      const copy = new Request(asked.clone());
      if (own || !copy.headers.has("Authorization")) copy.headers.set("Authorization", `Bearer ${await shopify.idToken()}`);
      return plain(copy);
    };
    const answer = await send(false);
    return answer.status === 401 && answer.headers.get("X-Shopify-Retry-Invalid-Session-Request") ? send(true) : answer;
  };

  const place = () => {
    const url = new URL(location.href);
    for (const name of ["embedded", "hmac", "host", "id_token", "locale", "session", "shop", "timestamp", "bounced"]) {
      url.searchParams.delete(name);
    }
    return url.pathname + url.search + url.hash;
  };
  for (const name of ["pushState", "replaceState"]) {
    const before = history[name].bind(history);
    history[name] = (...given) => { before(...given); tell("path", { path: place() }); };
  }
  addEventListener("popstate", () => { tell("path", { path: place() }); });
  const opened = window.open.bind(window);
  window.open = (url, target, ...more) => (target === "_top" ? tell("open", { url: String(new URL(url, location.href)) }) : opened(url, target, ...more));

  const reload = query.get("shopify-reload");
  if (reload) {
    const to = new URL(reload, location.origin);
    if (to.origin === location.origin) shopify.idToken().then((token) => { to.searchParams.set("id_token", token); location.replace(to); });
  } else if (!query.get("to")) tell("path", { path: place() });
})();
