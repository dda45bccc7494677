// Appended to a report's page by tests/page.sh: uses the page as a person would and writes what it saw into its title.
"use strict";
const seen = [];
addEventListener("error", event => seen.push("error:" + event.message));
console.error = (...words) => seen.push("console:" + words.join(" "));
const see = (name, value) => seen.push(name + "=" + value);
const firstName = () => (document.querySelector("#sites tbody .function") || {}).textContent;
const click = node => node.dispatchEvent(new MouseEvent("click", {bubbles: true}));
const head = title => [...document.querySelectorAll("#sites th button")].find(button => button.textContent === title);
const type = (id, value) => { const input = document.getElementById(id); input.value = value; input.dispatchEvent(new Event("input", {bubbles: true})); };

see("rows", document.querySelectorAll("#sites tbody tr").length);
see("first", firstName());
click(head("at peak"));
see("largest", firstName());
click(head("at peak"));
see("smallest", firstName());
see("sorted", document.querySelector("th[aria-sort]").getAttribute("aria-sort"));
click(head("#"));
if (document.querySelector("#sites tbody tr")) click(document.querySelector("#sites tbody tr"));
see("detail", document.querySelectorAll("tr.detail .histogram").length > 0);
type("search", "hash");
see("found", document.getElementById("found").textContent);
see("marked", document.querySelectorAll(".frame.hit").length);
type("search", "");
see("areas", document.querySelectorAll("#time-svg path").length);
const frames = document.querySelectorAll(".frame");
see("frames", frames.length);
if (frames.length) click(frames[frames.length - 1]);
see("zoomed", document.querySelectorAll(".frame.out").length > 0);
see("miss", !document.getElementById("miss").hidden);
if (!document.getElementById("miss").hidden) {
  const tiles = () => [...document.querySelectorAll("#budget-tiles b")].map(tile => tile.textContent).join("/");
  see("quarter", tiles()); // where it begins
  type("budget", "1000");
  see("whole", tiles());
  type("budget", "250");
  see("again", tiles());
  see("budget", document.getElementById("budget-value").textContent);
}
see("images", document.images.length);
see("scripts", document.scripts.length);
document.title = "SEEN " + seen.join("; ");
