// A part of the page that is drawn anew by itself waits while somebody presses in it: an element that is replaced
// between press and release gets no click.
const Press = (() => {
  let pressed = null;
  let pointer = null;
  const waiting = [];
  const begin = (target, id) => { pressed = target; pointer = id; };
  // The click comes after the release; what waits, after the click.
  const end = () => setTimeout(() => {
    pressed = null;
    for (const proceed of waiting.splice(0)) proceed();
  });
  const isPressed = (node) => node.contains(pressed);
  const released = (node) => (isPressed(node) ? new Promise((proceed) => { waiting.push(proceed); }) : Promise.resolve());

  addEventListener("pointerdown", (event) => { if (event.button === 0) begin(event.target, event.pointerId); }, true);
  addEventListener("keydown", (event) => { if (event.key === " ") begin(event.target, null); }, true);
  addEventListener("keyup", (event) => { if (event.key === " ") end(); }, true);
  for (const kind of ["pointerup", "pointercancel"]) {
    addEventListener(kind, (event) => { if (event.pointerId === pointer) end(); }, true);
  }
  // Not every release is told: not one in a scroll bar, after a drag, in the system's menu, or in another window.
  addEventListener("pointermove", (event) => { if (pressed && event.pointerId === pointer && !event.buttons) end(); }, true);
  for (const kind of ["dragend", "contextmenu"]) addEventListener(kind, end, true);
  addEventListener("blur", end);

  return { isPressed, released };
})();

// What htmx asks for by the clock is asked for again a moment later; all else is shown at once.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { requestConfig, target } = event.detail;
  const isPolled = requestConfig.elt.getAttribute("hx-trigger")?.startsWith("every");
  if (isPolled && Press.isPressed(target)) event.detail.shouldSwap = false;
});
