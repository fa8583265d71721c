// As much of a browser's XMLHttpRequest as the official client's uploader takes, over Node's fetch.
export class XMLHttpRequest {
  upload = { addEventListener() {} };
  status = 0;
  response = "";
  #headers = {};
  #gone = new AbortController();

  open(method, url) {
    this.method = method;
    this.url = url;
  }
  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }
  async send(body) {
    const { method, url } = this;
    try {
      const answer = await fetch(url, { method, headers: this.#headers, body, signal: this.#gone.signal });
      this.status = answer.status;
      this.response = await answer.text();
    } catch {
      return this.#gone.signal.aborted ? this.onabort?.() : this.onerror?.();
    }
    this.onload?.();
  }
  abort() {
    this.#gone.abort();
  }
}
