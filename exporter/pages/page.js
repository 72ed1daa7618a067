(() => {
  const copy = async (code) => {
    if (window.isSecureContext && navigator.clipboard) return navigator.clipboard.writeText(code.textContent);
    getSelection().selectAllChildren(code);
    if (!document.execCommand("copy")) throw new Error("refused");
  };
  for (const code of document.querySelectorAll("pre > code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy the command");
    button.addEventListener("click", () => {
      copy(code).then(() => "Copied", () => "Select it, and press Ctrl+C").then((word) => {
        button.textContent = word;
        setTimeout(() => { button.textContent = "Copy"; }, 2000);
      });
    });
    code.parentNode.append(button);
  }
  const opened = Date.now(), age = document.getElementById("age");
  setInterval(() => {
    const minutes = Math.floor((Date.now() - opened) / 60000);
    if (age && minutes >= 5) {
      age.hidden = false;
      age.textContent = `This page is ${minutes} minutes old.`;
    }
  }, 15000);
})();
