// Runs before the first paint: a stored choice must not flash. "system" is stored as nothing.
(() => {
  let stored = null;
  try {
    stored = localStorage.getItem("paddock-theme");
  } catch {
    // A browser that keeps nothing follows the system.
  }
  if (stored === "dark" || stored === "light") document.documentElement.dataset.theme = stored;
})();
