/* On paper every explanation is open, and every plot is a picture as wide as its place there: a plot that was
   drawn for the screen would be cut off. Without plots there is no Bokeh. */
(() => {
  let opened = [], pictures = [];

  addEventListener("beforeprint", () => {
    if (pictures.length) return;
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const one of opened) one.open = true;
    for (const view of typeof Bokeh === "undefined" ? [] : Bokeh.index) {
      const place = view.el.closest(".plot");
      if (!place) continue;
      const picture = view.export("png", true).canvas;
      picture.className = "printed";
      picture.removeAttribute("style");
      place.append(picture);
      pictures.push(picture);
    }
  });

  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
    for (const picture of pictures) picture.remove();
    opened = [];
    pictures = [];
  });
})();
