// A permission that changed in one tab changes every tab: the others load again, so that no
// document keeps a feature that was withdrawn. The channel carries one word and no data.

const address = new URL(location.href);
const channel = new BroadcastChannel("privacy");

// Not reload(): a page that answered a form would be asked to send it again.
channel.addEventListener("message", () => location.replace(location.pathname + location.search));

if (address.searchParams.has("changed")) {
  channel.postMessage("changed");
  address.searchParams.delete("changed");
  address.searchParams.delete("said");
  history.replaceState(null, "", address);
}
