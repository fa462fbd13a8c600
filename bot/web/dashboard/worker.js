// Shows notifications where a page may not by itself (phones), and leads to what they tell of. It keeps nothing.
self.addEventListener("fetch", () => {});
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(
    self.clients.matchAll({ type: "window" }).then((pages) => {
      const path = event.notification.data?.path ?? "/";
      return pages.length ? pages[0].focus().then((page) => page.navigate(path)) : self.clients.openWindow(path);
    }),
  );
});
