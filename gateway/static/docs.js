// What the API page does beyond showing: one choice of language for all examples, a
// button that copies, and addresses as this browser knows them.

const { baseUrl } = document.body.dataset;
const samples = [...document.querySelectorAll(".samples")];

/** Behind a proxy that speaks https, the gateway itself is called by another address. */
function correctAddresses() {
  if (location.origin === baseUrl) return;
  for (const code of document.querySelectorAll(".samples code")) {
    code.textContent = code.textContent.replaceAll(baseUrl, location.origin);
  }
}

function shownCode(sample) {
  const { value } = sample.querySelector("input:checked");
  return sample.querySelector(`.${value} code`);
}

/** Put the text into the clipboard, which a page over plain http may only ask for. */
async function copy(code) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(code.textContent);
    return;
  }
  getSelection().selectAllChildren(code);
  if (!document.execCommand("copy")) throw new Error("not allowed");
}

function addCopyButton(sample) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet copy";
  button.textContent = "Copy";
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    try {
      await copy(shownCode(sample));
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy by hand";
    }
  });
  button.addEventListener("blur", () => (button.textContent = "Copy"));
  sample.querySelector("legend").after(button);
}

function chooseLanguage({ target }) {
  if (target.type !== "radio") return;
  const top = target.getBoundingClientRect().top;
  for (const sample of samples) {
    sample.querySelector(`[value="${target.value}"]`).checked = true;
  }
  // Examples above this one have other heights now: what was clicked stays in place.
  scrollBy({ top: target.getBoundingClientRect().top - top, behavior: "instant" });
}

correctAddresses();
samples.forEach(addCopyButton);
document.addEventListener("change", chooseLanguage);
