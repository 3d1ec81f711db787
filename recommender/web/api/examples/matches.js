const response = await fetch("http://127.0.0.1:8000/api/v1/matches", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ text: document.querySelector("article").innerText, n: 3 }),
});
const { matches, place, place_from_text } = await response.json();
const list = document.createElement("ul");
for (const { name, city, summary, url } of matches) {
  const link = Object.assign(document.createElement("a"), { href: url, textContent: name });
  const item = document.createElement("li");
  item.append(link, city ? ` (${city}): ` : ": ", summary);
  list.append(item);
}
document.querySelector("article").after(list);
