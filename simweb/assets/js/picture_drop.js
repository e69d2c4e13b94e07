// One picture out of what a person drops, pastes or chooses.

/** Whether files are being dragged, not text or a link. */
export const bringsFiles = (event) => Boolean(event.dataTransfer?.types.includes("Files"));

/** The first file of a drop or of the clipboard; undefined where there is none. */
export const fileOf = (transfer) => [...(transfer?.files ?? [])][0];

/** Send a picture and give the piece of page that answers; what goes wrong is a piece of page, too. */
export const send = async (address, file, values = {}) => {
  const body = new FormData();
  body.append("picture", file);
  for (const [name, value] of Object.entries(values)) body.append(name, value);
  const token = document.querySelector('meta[name="csrf-token"]').content;
  try {
    const answer = await fetch(address, { method: "POST", body, headers: { "X-CSRFToken": token, "HX-Request": "true" } });
    if (answer.redirected) return location.reload();
    if (answer.ok || answer.status === 422) return await answer.text();
    return problem(answer.status === 413 ? "The picture is too large to send." : `The server answered ${answer.status}. Try again.`);
  } catch {
    return problem("The server cannot be reached. Try again when the connection is back.");
  }
};

const problem = (words) => {
  const notice = document.createElement("div");
  notice.className = "notice bad";
  notice.setAttribute("role", "alert");
  notice.textContent = words;
  return notice.outerHTML;
};
