// Sends the operator and the PIN, and says why where they are refused.
"use strict";

const form = document.getElementById("sign-in");
const why = document.getElementById("why");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  why.textContent = "";
  const fields = new FormData(form);
  try {
    const answer = await fetch("/sign-in", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ operator: fields.get("operator"), pin: fields.get("pin") }),
    });
    if (answer.ok) {
      location.replace("/");
      return;
    }
    why.textContent = (await answer.json()).error;
  } catch {
    why.textContent = form.dataset.lost;
  }
  form.elements.pin.value = "";
  form.elements.pin.focus();
  button.disabled = false;
});
