// Requests to the service; every failure is one kind of error, with a message for people.
import { spoken, t } from "./words.js";

// What is wrong, without the part of the request that it stands in: that is for programs.
export const plain = (message) => message.replace(/(^|; )(?:body|query|path)(?:\.|: )/g, "$1");

export class RequestError extends Error {
  constructor(status, message, hint, code) {
    super(hint ? `${plain(message)}: ${hint}` : plain(message));
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
  let response, document;
  try {
    response = await fetch(path.slice(1), options);  // relative: Home Assistant's ingress has a path of its own
    const text = await response.text();
    document = text ? JSON.parse(text) : null;
  } catch (error) {
    if (signal?.aborted) throw error;
    if (response?.status !== 401 && method !== "GET") throw new RequestError(0, t("The service does not answer: ask again when it does."));
    if (response?.status !== 401) throw new RequestError(0, t("The service does not answer"), t("the page retries by itself"));
  }  // what is no JSON comes from a proxy, which answers for a service that is gone
  if (!response.ok) {
    const error = document?.error ?? {}, hint = error.code === "wrong_value" ? "" : error.hint;  // that one is for programs
    throw new RequestError(response.status, error.message ?? t("status {status}", { status: response.status }), hint, error.code);
  }
  return document;
}
