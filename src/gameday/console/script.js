// The console: draws each state that comes, and sends what somebody does. Texts are set as texts, never as markup.
'use strict';

const at = (id) => document.getElementById(id);
let role = 'observer';
let drawn = '';

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

async function act(command) {
  let said;
  try {
    const response = await fetch('/act', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(command),
    });
    const body = await response.json();
    said = response.ok ? body.done : `Refused: ${body.error}`;
  } catch (error) {
    said = 'The drill cannot be reached; nothing was done.';
  }
  at('answer').textContent = said;
}

const mayAct = () => role === 'commander' || role === 'responder';

function skip(runbook, step, item) {
  const form = make('form', undefined, 'row');
  const input = make('input');
  input.required = true;
  input.maxLength = 500;
  input.setAttribute('aria-label', `why is ${step.id} skipped`);
  input.placeholder = 'why?';
  const send = make('button', 'skip it');
  send.type = 'submit';
  form.append(input, send);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    act({ do: 'skip', runbook, step: step.number, reason: input.value });
    form.remove();
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

function incidentCard(incident, now) {
  const card = make('article');
  card.append(make('h3', `${incident.runbook}${incident.is_owned ? '' : ' · nobody owns it yet'}`));
  card.append(make('p', `over when ${incident.recovery}`, 'soft'));
  const row = make('div', undefined, 'row');
  if (incident.is_paging && mayAct()) {
    row.append(button('acknowledge', incident.runbook, () => act({ do: 'acknowledge', runbook: incident.number })));
  }
  if (role === 'commander') {
    row.append(button('declare recovered', incident.runbook, () => act({ do: 'declare-recovered', runbook: incident.number })));
  }
  card.append(row);
  const list = make('ol', undefined, 'steps');
  incident.steps.forEach((step) => list.append(stepLine(incident, step, now)));
  card.append(list);
  return card;
}

function fill(id, children) {
  at(id).replaceChildren(...children);
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
  at('title').textContent = state.title;
  at('phase').textContent = state.is_over ? 'over' : state.phase;
  at('clock').textContent = `${span(state.at_s)} of ${span(state.end_s)}${state.pace > 1 ? ` at ${state.pace} times the clock` : ''}`;
  fill('targets', state.targets.map((of) => row([of.name, span(of.taken_s), span(of.limit_s), of.state], of.state)));
  fill('tiers', state.tiers.map((of) => row([of.tier, of.arrived, of.done, of.bad, of.minute_bad], of.minute_bad > of.minute_done / 20 ? 'over' : '')));
  at('load').textContent = `${state.in_flight} tasks in flight · $${state.usd.toFixed(2)} spent · $${state.usd_per_minute.toFixed(2)} a minute`;
  const alerts = state.alerts.map((of) => make('li', `${of.severity} ${of.name} for ${span(state.at_s - of.since_s)}${of.runbook ? ` · runbook ${of.runbook}` : ''}`));
  fill('alerts', alerts.length ? alerts : [make('li', 'none fires')]);
  at('faults-section').hidden = state.faults === null;
  if (state.faults !== null) {
    fill('faults', state.faults.map((of) => make('li', `${of.id} on ${of.mock}, ${span(of.start_s)} to ${span(of.end_s)}: ${of.is_active ? 'there' : 'not there'}${of.is_witnessed ? ', has been met' : ''}`)));
  }
  fill('notes', state.notes.map((of) => make('li', `${span(of.at_s)} ${of.role}: ${of.text}`)));
  fill('journal', [...state.journal].reverse().map((of) => make('li', `${span(of.at_s)} ${of.event} ${[of.of, of.step, of.owner, of.detail].filter(Boolean).join(' · ')}`)));
  // What can be pressed is only drawn anew when it has changed: nobody's pointer or focus is moved away.
  const shape = JSON.stringify(state.incidents.map((of) => [of.number, of.is_owned, of.is_paging, of.steps.map((step) => [step.state, step.is_late, step.owner])]));
  if (shape !== drawn) {
    drawn = shape;
    fill('incidents', state.incidents.length ? state.incidents.map((of) => incidentCard(of, state.at_s)) : [make('p', 'No runbook is being done.')]);
  } else {
    for (const incident of state.incidents) {
      for (const step of incident.steps) {
        const item = document.querySelector(`[data-step="${CSS.escape(step.id)}"]`);
        if (item && step.until_s !== null && !step.is_late) item.children[1].textContent = `${words[step.state]} · ${span(step.until_s - state.at_s)} left`;
      }
    }
  }
}

function prepare() {
  at('note-form').addEventListener('submit', (event) => {
    event.preventDefault();
    if (at('note').value.trim()) act({ do: 'note', text: at('note').value });
    at('note').value = '';
  });
  at('contained').addEventListener('click', () => act({ do: 'declare-contained' }));
  at('stop').addEventListener('click', () => { at('stop-form').hidden = false; at('stop-reason').focus(); });
  at('stop-cancel').addEventListener('click', () => { at('stop-form').hidden = true; at('stop').focus(); });
  at('stop-form').addEventListener('submit', (event) => {
    event.preventDefault();
    act({ do: 'stop', reason: at('stop-reason').value });
    at('stop-form').hidden = true;
  });
  at('note-form').hidden = role === 'observer';
  at('command').hidden = role !== 'commander';
  at('role').textContent = `you are ${role}`;
}

async function begin() {
  role = (await (await fetch('/me')).json()).role;
  prepare();
  const events = new EventSource('/events');
  events.addEventListener('open', () => { at('link').textContent = 'live'; });
  events.addEventListener('error', () => { at('link').textContent = 'the connection is lost; trying again'; });
  events.addEventListener('state', (event) => {
    const state = JSON.parse(event.data);
    draw(state);
    if (state.is_over) { events.close(); at('link').textContent = 'the drill is over'; }
  });
}

begin();
