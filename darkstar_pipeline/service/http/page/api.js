// Requests to the service; every failure is one kind of error, with a message for people.
import { spoken, t } from "./words.js";

export class RequestError extends Error {
  constructor(status, message, hint, code) {
    super(hint ? `${message}: ${hint}` : message);
    this.status = status;
    this.code = code;
    this.reason = message;
    this.hint = hint;
  }
}

export async function request(path, { method = "GET", body, signal } = {}) {
  const options = { method, headers: { accept: "application/json", "accept-language": spoken() }, credentials: "same-origin", signal };
  if (body !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path.slice(1), options);  // relative: Home Assistant's ingress has a path of its own
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new RequestError(0, t("The service does not answer"), t("the page retries by itself"));
  }
  const text = await response.text();
  const document = text ? JSON.parse(text) : null;
  if (!response.ok) {
    const error = document?.error ?? {};
    throw new RequestError(response.status, error.message ?? t("status {status}", { status: response.status }), error.hint, error.code);
  }
  return document;
}
