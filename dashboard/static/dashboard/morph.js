// An htmx swap that changes only what differs: focus, open <details>, selected text and scroll positions stay.
(() => {
  const isKept = (node) => node.nodeType === Node.ELEMENT_NODE && node.hasAttribute("data-keep");
  const idOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id : "");
  const isSameKind = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && idOf(a) === idOf(b);

  function place(parent, node, before) {
    if (node.parentNode === parent && parent.moveBefore) parent.moveBefore(node, before);
    else parent.insertBefore(node, before);
  }

  function matchFor(wanted, here, target) {
    const id = idOf(wanted);
    if (id) {
      const known = document.getElementById(id);
      return known && known.parentNode === target && isSameKind(known, wanted) ? known : null;
    }
    return here && isSameKind(here, wanted) ? here : null;
  }

  function children(target, source) {
    let here = target.firstChild;
    for (const wanted of [...source.childNodes]) {
      const match = matchFor(wanted, here, target);
      if (!match) {
        place(target, wanted, here);
        continue;
      }
      if (match === here) here = here.nextSibling;
      else place(target, match, here);
      same(match, wanted);
    }
    while (here) {
      const next = here.nextSibling;
      here.remove();
      here = next;
    }
  }

  function same(node, wanted) {
    if (node.nodeType !== Node.ELEMENT_NODE) {
      if (node.data !== wanted.data) node.data = wanted.data;
      return;
    }
    if (isKept(node)) return;
    if (wanted.hasAttribute("data-later")) return; // its cells follow; until then those that are there stay
    // The page's script shows ages in <time>: leave them while the moment is the same.
    if (node.nodeName === "TIME" && node.dateTime === wanted.dateTime) return;
    attributes(node, wanted);
    const before = node.hasAttribute("data-flash") ? node.textContent : null;
    children(node, wanted);
    if (before !== null && before !== node.textContent) flash(node, before, node.textContent);
  }

  function attributes(node, wanted) {
    const isOpen = node.nodeName === "DETAILS" && node.open;
    for (const { name } of [...node.attributes]) if (!wanted.hasAttribute(name)) node.removeAttribute(name);
    for (const { name, value } of [...wanted.attributes]) {
      if (node.getAttribute(name) !== value) node.setAttribute(name, value);
    }
    if (isOpen) node.open = true;
  }

  const numberOf = (text) => Number(text.replace("−", "-").replace(/[^\d.-]/g, ""));

  function flash(node, before, after) {
    node.classList.remove("went-up", "went-down");
    void node.offsetWidth; // restarts the animation
    node.classList.add(numberOf(after) >= numberOf(before) ? "went-up" : "went-down");
  }

  window.paddockMorph = children; // for what the page fetches itself

  htmx.defineExtension("morph", {
    isInlineSwap: () => false,
    handleSwap(style, target, fragment) {
      if (style !== "morph") return false;
      const focused = document.activeElement;
      children(target, fragment);
      if (focused && focused.id && document.activeElement !== focused) {
        document.getElementById(focused.id)?.focus({ preventScroll: true });
      }
      return [target];
    },
  });
})();
