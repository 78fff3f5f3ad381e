// The admin's side of the frame: answers what the stand-in of App Bridge asks for. A stand-in, not Shopify's.
(() => {
  "use strict";
  const { shop, app, client } = document.body.dataset;
  const frame = document.getElementById("app");
  const root = `/shops/${shop}/admin`;

  const post = async (path, body) => {
    const answer = await fetch(root + path, {
      method: body ? "POST" : "GET", headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  };

  const askMerchant = (wanted) => new Promise((resolve) => {
    const dialog = document.getElementById("ask-scopes");
    document.getElementById("ask-list").replaceChildren(...wanted.map((scope) => {
      const item = document.createElement("li");
      item.textContent = scope;
      return item;
    }));
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "grant"), { once: true });
    dialog.showModal();
  });

  const acts = {
    idToken: async () => (await post("/session-token", {})).token,
    "scopes.query": () => post("/scopes"),
    "scopes.request": async ({ scopes }) => {
      const detail = await post("/scopes");
      if (scopes.every((scope) => detail.granted.includes(scope))) return { result: "granted-all", detail };
      if (!(await askMerchant(scopes))) return { result: "declined-all", detail };
      return { result: "granted-all", detail: await post("/scopes", { grant: scopes }) };
    },
    "scopes.revoke": async ({ scopes }) => ({ detail: await post("/scopes", { revoke: scopes }) }),
    // The admin's address follows the app's, so that a reload or a bookmark comes back to the same page.
    path: async ({ path }) => { history.replaceState(null, "", `${root}/apps/${client}${path === "/" ? "" : path}`); },
    toast: async ({ text }) => { document.getElementById("toast").textContent = text; },
    open: async ({ url }) => { location.assign(url); },
  };

  addEventListener("message", async (event) => {
    if (event.source !== frame.contentWindow || event.origin !== app || !event.data?.standIn) return;
    const { id, act } = event.data;
    const reply = (more) => event.source.postMessage({ standIn: true, id, ...more }, app);
    try {
      reply({ value: await acts[act](event.data) });
    } catch (error) {
      reply({ error: String(error) });
    }
  });
})();
