// Asks the service; every failure comes out as one kind of error with words for people.

export class Refused extends Error {
  constructor(status, message, hint) {
    super(hint ? `${message}: ${hint}` : message);
    this.status = status;
  }
}

export async function ask(path, { method = "GET", body } = {}) {
  const request = { method, headers: { accept: "application/json" }, credentials: "same-origin" };
  if (body !== undefined) {
    request.headers["content-type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, request);
  } catch {
    throw new Refused(0, "The service does not answer", "it is tried again by itself");
  }
  const text = await answer.text();
  const document = text ? JSON.parse(text) : null;
  if (!answer.ok) {
    const told = document?.error ?? {};
    throw new Refused(answer.status, told.message ?? `status ${answer.status}`, told.hint);
  }
  return document;
}
