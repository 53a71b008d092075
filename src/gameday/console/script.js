// The console: draws each state that comes, and sends what somebody does. Texts are set as texts, never as markup.
'use strict';

const at = (id) => document.getElementById(id);
let role = 'observer';
let key = '';
const drawn = new Map();

function span(seconds) {
  if (seconds === null || seconds === undefined) return '';
  const sign = seconds < 0 ? '-' : '';
  const all = Math.floor(Math.abs(seconds));
  const two = (number) => String(number).padStart(2, '0');
  const hours = Math.floor(all / 3600);
  return `${sign}${hours > 0 ? `${hours}:` : ''}${two(Math.floor(all / 60) % 60)}:${two(all % 60)}`;
}

function make(tag, text, name) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (name) element.className = name;
  return element;
}

function button(label, describes, action, name) {
  const element = make('button', label, name);
  element.type = 'button';
  element.setAttribute('aria-label', `${label}: ${describes}`);
  element.addEventListener('click', action);
  return element;
}

// Every request carries the key, which came behind the # of the link and is kept for this tab alone.
function ask(path, options = {}) {
  const headers = { authorization: `Bearer ${key}`, ...(options.headers || {}) };
  return fetch(path, { ...options, headers, cache: 'no-store' });
}

function say(text) {
  // Cleared first, so that the same answer is said again.
  at('answer').textContent = '';
  requestAnimationFrame(() => { at('answer').textContent = text; });
}

// Returns whether it was done.
async function act(command) {
  try {
    const response = await ask('/act', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(command),
    });
    const body = await response.json();
    say(response.ok ? body.done : `Refused: ${body.error}`);
    return response.ok;
  } catch (error) {
    say('The drill cannot be reached; nothing was done.');
    return false;
  }
}

const mayAct = () => role === 'commander' || role === 'responder';

function skip(runbook, step, item) {
  const open = item.querySelector('form input');
  if (open) { open.focus(); return; }
  const form = make('form', undefined, 'row');
  const input = make('input');
  input.required = true;
  input.maxLength = 500;
  input.setAttribute('aria-label', `why is ${step.id} skipped`);
  input.placeholder = 'why?';
  const send = make('button', 'skip it');
  send.type = 'submit';
  form.append(input, send);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (await act({ do: 'skip', runbook, step: step.number, reason: input.value })) form.remove();
  });
  item.append(form);
  input.focus();
}

const words = { open: 'to do', paged: 'paged', watching: 'waits for its condition', doing: 'now', thawing: 'under way', observing: 'done, watching the effect', done: 'done', skipped: 'skipped' };

function stepLine(incident, step, now) {
  const item = make('li', undefined, ['doing', 'watching', 'paged', 'thawing'].includes(step.state) ? 'now' : '');
  item.dataset.step = step.id;
  item.dataset.state = step.state;
  const told = make('span', undefined, 'grow');
  told.append(make('span', `${step.number + 1}. ${step.id} `), make('span', `${step.does} · ${step.owner}`, 'soft'));
  item.append(told);
  const left = step.until_s === null ? '' : ` · ${span(step.until_s - now)} left`;
  item.append(make('span', `${words[step.state] || step.state}${step.is_late ? ' · late' : left}`, step.is_late ? 'over' : step.state === 'done' ? 'met' : ''));
  const isOpen = !['done', 'skipped', 'observing', 'thawing'].includes(step.state);
  if (step.is_real && isOpen && mayAct()) {
    const which = `${step.id} of ${incident.runbook}`;
    item.append(
      button('start', which, () => act({ do: 'start', runbook: incident.number, step: step.number })),
      button('done', which, () => act({ do: 'done', runbook: incident.number, step: step.number })),
      button('skip', which, () => skip(incident.number, step, item)),
    );
  }
  return item;
}

function gateLine(gate) {
  const item = make('li');
  item.dataset.gate = gate.name;
  item.append(make('span', `gate of ${gate.name}: ${gate.owner} is asked; ${gate.seen} of ${gate.all} that it waits for are observed`, 'grow'));
  if (mayAct()) {
    item.append(
      button('pass', gate.name, () => act({ do: 'pass', rollout: gate.rollout, step: gate.step })),
      button('take back', gate.name, () => act({ do: 'take-back', rollout: gate.rollout, step: gate.step })),
    );
  }
  return item;
}

function incidentCard(incident) {
  const card = make('article');
  card.dataset.runbook = incident.number;
  card.append(make('h3'), make('p', `over when ${incident.recovery}`, 'soft'), make('div', undefined, 'row'), make('ol', undefined, 'steps'));
  return card;
}

// Replaces children only where what they show has changed, so that nobody's focus or half-written text is lost.
function patch(parent, name, wanted, build) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  wanted.forEach(([id, shape, ...rest], index) => {
    const old = known.get(id);
    known.delete(id);
    let child = old;
    if (!old || (old.dataset.shape !== shape && !(old.querySelector('form') && name === 'steps' && !/"(done|skipped)"/.test(shape)))) {
      child = build(...rest);
      child.dataset.key = id;
      child.dataset.shape = shape;
      const focused = old && old.contains(document.activeElement) ? document.activeElement.getAttribute('aria-label') : null;
      if (old) old.replaceWith(child);
      if (focused) {
        const again = [...child.querySelectorAll('button')].find((of) => of.getAttribute('aria-label') === focused);
        (again || child.querySelector('button') || at('h-next')).focus();
      }
    }
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] || null);
  });
  known.forEach((child) => child.remove());
}

function drawIncident(card, incident, now) {
  const [title, , buttons, list] = card.children;
  set(title, `${incident.runbook}${incident.is_owned ? '' : ' · nobody owns it yet'}`);
  const offered = [];
  if (incident.is_paging && mayAct()) offered.push(['acknowledge', 'acknowledge']);
  if (role === 'commander') offered.push(['declare recovered', 'declare-recovered']);
  patch(buttons, 'buttons', offered.map(([label, command]) => [label, label, label, command]), (label, command) =>
    button(label, incident.runbook, () => act({ do: command, runbook: incident.number })));
  patch(list, 'steps', incident.steps.map((step) => [step.id, JSON.stringify([step.state, step.is_late, step.owner]), step]), (step) =>
    stepLine(incident, step, now));
  for (const step of incident.steps) {
    const item = [...list.children].find((child) => child.dataset.key === step.id);
    if (step.until_s !== null && !step.is_late) set(item.children[1], `${words[step.state]} · ${span(step.until_s - now)} left`);
  }
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Draws a list anew only if what it shows has changed: a selection in it stays.
function fill(id, shown, children) {
  const shape = JSON.stringify(shown);
  if (drawn.get(id) === shape) return;
  drawn.set(id, shape);
  at(id).replaceChildren(...children());
}

function row(cells, name) {
  const line = make('tr');
  cells.forEach((cell, index) => {
    const element = make(index === 0 ? 'th' : 'td', String(cell), index === cells.length - 1 ? name : '');
    if (index === 0) element.scope = 'row';
    line.append(element);
  });
  return line;
}

function draw(state) {
  set(at('title'), state.title);
  set(at('phase'), state.is_over ? 'over' : state.phase);
  set(at('clock'), `${span(state.at_s)} of ${span(state.end_s)}${state.pace > 1 ? ` at ${state.pace} times the clock` : ''}`);
  const targets = state.targets.map((of) => [of.name, span(of.taken_s), span(of.limit_s), of.state]);
  fill('targets', targets, () => targets.map((of) => row(of, of[3])));
  const tiers = state.tiers.map((of) => [of.tier, of.arrived, of.done, of.bad, of.minute_bad, of.minute_bad > of.minute_done / 20 ? 'over' : '']);
  fill('tiers', tiers, () => tiers.map((of) => row(of.slice(0, 5), of[5])));
  set(at('load'), `${state.in_flight} tasks in flight · $${state.usd.toFixed(2)} spent · $${state.usd_per_minute.toFixed(2)} a minute`);
  const alerts = state.alerts.map((of) => `${of.severity} ${of.name} since ${span(of.since_s)}${of.runbook ? ` · runbook ${of.runbook}` : ''}`);
  fill('alerts', alerts, () => (alerts.length ? alerts : ['none fires']).map((of) => make('li', of)));
  const pages = mayAct() ? state.pages : [];
  const fires = new Set(state.alerts.map((of) => of.name));
  fill('pages', pages.map((of) => [of, fires.has(of)]), () => pages.map((of) => (fires.has(of)
    ? button(`${of} has resolved`, of, () => act({ do: 'resolved', alert: of }))
    : button(`${of} has paged me`, of, () => act({ do: 'paged', alert: of })))));
  at('faults-section').hidden = state.faults === null;
  const faults = (state.faults || []).map((of) => `${of.id} on ${of.mock}, ${span(of.start_s)} to ${span(of.end_s)}: ${of.is_active ? 'there' : 'not there'}${of.is_witnessed ? ', has been met' : ''}`);
  fill('faults', faults, () => faults.map((of) => make('li', of)));
  fill('notes', state.notes, () => state.notes.map((of) => make('li', `${span(of.at_s)} ${of.role}: ${of.text}`)));
  fill('journal', state.journal, () => [...state.journal].reverse().map((of) => make('li', `${span(of.at_s)} ${of.event} ${[of.of, of.step, of.owner, of.detail].filter(Boolean).join(' · ')}`)));
  at('nothing').hidden = state.incidents.length + state.gates.length > 0;
  patch(at('gates'), 'gates', state.gates.map((of) => [of.name, JSON.stringify([of.step, of.owner, of.seen, of.all]), of]), gateLine);
  patch(at('incidents'), 'incidents', state.incidents.map((of) => [`${of.number} ${of.opened_s}`, '', of]), incidentCard);
  [...at('incidents').children].forEach((card, index) => drawIncident(card, state.incidents[index], state.at_s));
}

function prepare() {
  at('note-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    if (at('note').value.trim() && (await act({ do: 'note', text: at('note').value }))) at('note').value = '';
  });
  at('contained').addEventListener('click', () => act({ do: 'declare-contained' }));
  at('stop').addEventListener('click', () => { at('stop-form').hidden = false; at('stop-reason').focus(); });
  at('stop-cancel').addEventListener('click', () => { at('stop-form').hidden = true; at('stop').focus(); });
  at('stop-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    if (await act({ do: 'stop', reason: at('stop-reason').value })) at('stop-form').hidden = true;
  });
  at('note-form').hidden = role === 'observer';
  at('command').hidden = role !== 'commander';
  set(at('role'), `you are ${role}`);
}

// Reads events as they come; returns whether the drill is over.
async function listen() {
  const response = await ask('/events');
  // A drill that begins on the same port has other keys.
  if (response.status === 401) { set(at('link'), NO_KEY); return null; }
  if (!response.ok) throw new Error(`status ${response.status}`);
  set(at('link'), 'live');
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return false;
    const events = (rest + value).split('\n\n');
    rest = events.pop();
    for (const event of events) {
      const line = event.split('\n').find((of) => of.startsWith('data: '));
      if (!line) continue;
      const state = JSON.parse(line.slice(6));
      draw(state);
      if (state.is_over) return true;
    }
  }
}

const NO_KEY = 'this link has no valid key; the drill has printed one for each role';

// Another link in the same tab is another person.
addEventListener('hashchange', () => { if (location.hash.startsWith('#key=')) location.reload(); });

async function begin() {
  const given = new URLSearchParams(location.hash.slice(1)).get('key');
  if (given) {
    sessionStorage.setItem('key', given);
    history.replaceState(null, '', '/');
  }
  key = given || sessionStorage.getItem('key') || '';
  let isKnown = false;
  for (;;) {
    try {
      if (!isKnown) {
        const me = await ask('/me');
        if (me.status === 401) { set(at('link'), NO_KEY); return; }
        role = (await me.json()).role;
        prepare();
        isKnown = true;
      }
      const isOver = await listen();
      if (isOver === null) return;
      if (isOver) { set(at('link'), 'the drill is over'); return; }
    } catch (error) {
      // Tried again below.
    }
    set(at('link'), 'the connection is lost; trying again');
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
  }
}

begin();
