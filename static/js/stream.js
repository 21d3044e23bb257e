// An answer that is being written: words on what happens, then blocks of HTML that the server has sanitised.
// A lost connection is taken up again by EventSource itself, from the number of the last event.
(() => {
  const thread = document.getElementById("thread");
  if (!thread) return;
  const RETRIES = [0, 500, 1500, 4000, 8000];
  const pause = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

  const settle = async (answer) => {
    for (const wait of RETRIES) {
      await pause(wait);
      const response = await fetch(answer.dataset.fragment, { headers: { "X-Requested-With": "footnote" } }).catch(() => null);
      if (response?.ok && !response.redirected) return put(answer, await response.text());
      if (response?.status === 404) break;
    }
    answer.querySelector("[data-activity]").textContent = Footnote.say("not-loaded");
    answer.removeAttribute("data-stream");
    document.dispatchEvent(new CustomEvent("footnote:thread"));
    return undefined;
  };

  const put = (answer, html) => {
    const [whole] = Footnote.nodes(html).filter((node) => node.nodeType === Node.ELEMENT_NODE);
    answer.replaceWith(whole);
    htmx.process(whole);
    const sources = whole.querySelectorAll(".sources a[data-cite]").length;
    const state = whole.dataset.state;
    if (state === "complete") Footnote.announce(Footnote.say("complete").replace("{count}", sources));
    else Footnote.announce(whole.querySelector(".note, .state")?.textContent.trim() || Footnote.say("ended"));
    document.dispatchEvent(new CustomEvent("footnote:thread"));
    if (state === "streaming") follow(whole);
  };

  const follow = (answer) => {
    if (answer.followed) return;
    answer.followed = true;
    const activity = answer.querySelector("[data-activity]");
    const text = answer.querySelector("[data-text]");
    const source = new EventSource(answer.dataset.stream);
    source.addEventListener("status", (event) => {
      activity.textContent = JSON.parse(event.data).text;
      Footnote.announce(activity.textContent);
    });
    source.addEventListener("block", (event) => {
      const { index, html } = JSON.parse(event.data);
      while (text.children.length <= index) {
        const piece = document.createElement("div");
        piece.className = "piece";
        text.append(piece);
      }
      text.children[index].replaceChildren(...Footnote.nodes(html));
    });
    source.addEventListener("final", () => { source.close(); settle(answer); });
    source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) settle(answer); });
    addEventListener("pagehide", () => source.close(), { once: true });
  };

  const all = () => { for (const answer of thread.querySelectorAll(".answer[data-stream]")) follow(answer); };
  document.addEventListener("footnote:thread", all);
  all();
})();
