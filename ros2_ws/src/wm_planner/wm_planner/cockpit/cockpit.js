// What of the page must work without its web socket: stop, the enabling button, and the images.
(() => {
  "use strict";
  const OWN_STOP = "Use the arm's emergency stop.";

  // Stop: by the button, or by the key Escape wherever the focus is.
  let stops = 0, told = 0;
  function tell(text, kind) {
    const line = document.getElementById("stop-answer");
    if (!line) return;
    line.textContent = text;
    line.className = kind;
    clearTimeout(told);
    if (kind === "done") told = setTimeout(() => tell("", ""), 15000); // the state says it, too
  }
  async function stop() {
    const mine = ++stops;
    tell("stopping …", "asked");
    let text, done = false;
    try {
      const answer = await fetch("/stop", { method: "POST", signal: AbortSignal.timeout(8000) });
      if (answer.headers.get("content-type")?.startsWith("application/json")) {
        ({ text, done } = await answer.json());
      } else {
        text = `STOP NOT CONFIRMED: ${(await answer.text()).trim()}. ${OWN_STOP}`;
      }
    } catch {
      text = `STOP NOT CONFIRMED: the cockpit did not answer. ${OWN_STOP}`;
    }
    if (mine === stops) tell(text, done ? "done" : "not-done");
  }
  document.addEventListener("submit", (event) => {
    if (event.target.id !== "stop-form") return;
    event.preventDefault();
    stop();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.repeat) stop();
  }, true);

  // The enabling button: each request repeats the word of the answer before, and waits for its own.
  let holding = 0, presses = 0; // the number of the press that holds it; 0: none
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  function enable(word) {
    const options = { method: "POST", body: word, keepalive: true, signal: AbortSignal.timeout(1000) };
    return fetch("/enable", options);
  }
  async function hold(button, press) {
    let word = "", held = false;
    while (holding === press) {
      try {
        ({ word, held } = await (await enable(word)).json());
      } catch {
        [word, held] = ["", false];
      }
      if (holding === press) button.classList.toggle("held", held);
      await sleep(80);
    }
  }
  function letGo() {
    if (!holding) return;
    holding = 0;
    document.getElementById("enable")?.classList.remove("held");
    enable("let go").catch(() => {});
  }
  document.addEventListener("pointerdown", (event) => {
    const button = event.target.closest?.("#enable");
    if (!button || holding || event.button !== 0 || !event.isPrimary) return;
    button.setPointerCapture(event.pointerId);
    button.addEventListener("lostpointercapture", letGo, { once: true });
    holding = ++presses;
    hold(button, holding);
  });
  document.addEventListener("contextmenu", (event) => {
    if (!event.target.closest?.("#enable")) return;
    event.preventDefault(); // under a menu the button's release would not be seen
    letGo();
  });
  for (const name of ["pointerup", "pointercancel", "blur", "pagehide"]) {
    window.addEventListener(name, letGo);
  }
  document.addEventListener("visibilitychange", letGo);

  // The images: a byte that says which, then a JPEG. The next one comes when this one is shown.
  const NAMES = ["camera", "imagined", "goal"];
  function connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/frames`);
    socket.binaryType = "arraybuffer";
    const shown = () => { if (socket.readyState === WebSocket.OPEN) socket.send("shown"); };
    socket.onmessage = (event) => {
      const bytes = new Uint8Array(event.data);
      const name = NAMES[bytes[0]];
      const url = URL.createObjectURL(new Blob([bytes.subarray(1)], { type: "image/jpeg" }));
      const images = document.querySelectorAll(`img.feed-${name}`);
      if (images.length) return show(images[0], name, url, shown);
      if (latest[name]) URL.revokeObjectURL(latest[name]);
      latest[name] = url; // its place on the page comes later
      shown();
    };
    socket.onclose = () => setTimeout(connect, 1000);
  }
  const latest = {};
  function show(image, name, url, shown) {
    const before = latest[name];
    latest[name] = url;
    image.onload = image.onerror = () => {
      image.onload = image.onerror = null;
      image.dataset.count = Number(image.dataset.count || 0) + 1;
      if (before) URL.revokeObjectURL(before);
      shown();
    };
    image.src = url;
  }
  // An image that came before its place on the page.
  new MutationObserver(() => {
    for (const name of NAMES) {
      for (const image of document.querySelectorAll(`img.feed-${name}:not([src])`)) {
        if (latest[name]) image.src = latest[name];
      }
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
  addEventListener("DOMContentLoaded", connect);
})();
