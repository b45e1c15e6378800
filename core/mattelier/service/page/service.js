// How the page asks the server: forms, jobs with their events, and pointing.

export class ServiceError extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

let key = sessionStorage.getItem("mattelier-key") || "";

export function setKey(text) {
  key = text.trim();
  sessionStorage.setItem("mattelier-key", key);
}

export async function ask(path, options = {}) {
  const headers = { ...(key ? { Authorization: `Bearer ${key}` } : {}), ...(options.headers || {}) };
  let answer;
  try {
    answer = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServiceError(0, "The server does not answer; is it still running?");
  }
  if (answer.ok) return answer;
  let sentence = `The server said ${answer.status}.`;
  try {
    sentence = (await answer.json()).detail || sentence;
  } catch { /* no JSON: the status must do */ }
  throw new ServiceError(answer.status, sentence);
}

export function form(fields) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Blob) data.append(name, value, name);
    else if (value !== "" && value != null) data.append(name, value);
  }
  return data;
}

// A job from sending to its result: {blob, report}. `told(progress 0…1, stage)` hears how far it is.
export async function doJob(task, fields, told, signal) {
  const begun = await ask(`/v1/jobs/${task}`, { method: "POST", body: form(fields), signal });
  const { links } = await begun.json();
  try {
    const state = await lastState(links.events, told, signal);
    if (state.state !== "done") throw new ServiceError(state.status || 0, state.detail || "It was cancelled.");
    const result = await ask(links.result, { signal });
    return { blob: await result.blob(), report: state.report };
  } finally {
    ask(links.self, { method: "DELETE" }).catch(() => {});
  }
}

async function lastState(path, told, signal) {
  const answer = await ask(path, { signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  let state = {};
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return state;
    text += value;
    const events = text.split("\n\n");
    text = events.pop();
    for (const event of events) {
      const line = event.split("\n").find((one) => one.startsWith("data: "));
      if (!line) continue;
      state = JSON.parse(line.slice(6));
      told(state.progress, state.stage);
    }
  }
}

export async function openPointing(picture) {
  const answer = await ask("/v1/point", { method: "POST", body: form({ picture }) });
  return answer.json();
}

export async function gesture(session, stage, points) {
  const answer = await ask(session.links.self, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ stage, matte: { hint: { points } } }),
  });
  return answer.blob();
}

export async function shownPicture(session) {
  return (await ask(session.links.picture)).blob();
}

export function closePointing(session) {
  ask(session.links.self, { method: "DELETE" }).catch(() => {});
}
