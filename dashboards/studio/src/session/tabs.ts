// What the tabs of one browser tell each other: words only, never a token.

export type News = "changed" | "ended";
export type Tabs = { tell(news: News): void };

/** `hear` is called with what other tabs tell; a tab does not hear itself. */
export function openTabs(hear: (news: News) => void): Tabs {
  const channel = new BroadcastChannel("atelier.session");
  channel.addEventListener("message", ({ data }) => {
    if (data === "changed" || data === "ended") hear(data);
  });
  return { tell: (news) => channel.postMessage(news) };
}
