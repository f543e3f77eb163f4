// A page that nobody looks at costs nothing: its socket is left until the tab is seen again.

const LEAVE_AFTER_MS = 3000; // a glance at another tab is no reason
let leaving = null;
let address = null;

export function leaveSocket(state) {
  const socket = document.getElementById("socket");
  if (!socket) return;
  address = socket.getAttribute("ws-connect");
  window.htmx.swap(socket, "", { swapStyle: "delete" });
  document.documentElement.dataset.socket = state;
}

function leave() {
  if (document.hidden) leaveSocket("resting");
}

function comeBack() {
  if (!address || document.documentElement.dataset.socket !== "resting") return;
  const socket = document.createElement("div");
  socket.id = "socket";
  socket.hidden = true;
  socket.setAttribute("ws-connect", address);
  address = null;
  document.getElementById("content").prepend(socket);
  window.htmx.process(socket);
}

function notice() {
  clearTimeout(leaving);
  if (document.hidden) leaving = setTimeout(leave, LEAVE_AFTER_MS);
  else comeBack();
}

document.addEventListener("visibilitychange", notice);
notice(); // it may have been opened behind another
