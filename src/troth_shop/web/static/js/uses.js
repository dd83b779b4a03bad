// Counts a use of a device function at the moment of use, so that the settings page can show it.
// The answer says whether it is still allowed: 403 after a withdrawal, in this or another tab.

export async function countUse(address) {
  try {
    const answer = await fetch(address, { method: "POST", headers: { Accept: "application/json" } });
    return answer.status === 204;
  } catch {
    return false; // unreachable: what cannot be counted does not happen
  }
}

for (const link of document.querySelectorAll("a[data-uses]")) {
  link.addEventListener("click", () => {
    // The dialler opens by the link itself; it needs no script and waits for nothing.
    navigator.sendBeacon?.(link.dataset.uses) || countUse(link.dataset.uses);
  });
}
