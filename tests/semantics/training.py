"""Random training loops, run on PyTorch and on torchlike: parameters, gradients and all that was seen must agree.

    python tests/semantics/training.py [--start 0] [--count 1000] [--json FILE]

A loop is some lines that set up a network, optimizers, hooks and copies, and some lines that run STEPS times,
so that what torchlike keeps from one step to the next (calls, plans of backwards, programs) is used again where
it may not fit: hooks look at data while gradients are handed out, parameters are frozen, exchanged or written
behind the tape's back, graphs are kept or dropped half-way.
"""

from __future__ import annotations

import random
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import numpy as np
from programs import ROOT, same, search

STEPS = 4

NETS = [
    "nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))",
    "nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3))",
    "nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.GELU(), nn.Linear(4, 3, bias=False))",
    "nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True), nn.Linear(4, 4), nn.ReLU(inplace=True), nn.Linear(4, 3))",
    "nn.Sequential(nn.Unflatten(1, (1, 4)), nn.Conv1d(1, 2, 2), nn.BatchNorm1d(2), nn.Flatten(), nn.Linear(6, 3))",
    "nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 5)), nn.Sigmoid(), nn.Linear(5, 3))",
    "nn.Sequential(nn.Linear(4, 3), nn.PReLU(), nn.Linear(3, 3))",
    "nn.Sequential(nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 2, 2, padding=1), nn.GroupNorm(1, 2), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2, 3))",
    "nn.Sequential(Tied(), nn.Linear(4, 3))", "nn.Sequential(Tied(), Counting(), nn.Linear(4, 3))",
    "nn.Sequential(Recurrent(), nn.Linear(3, 3))", "nn.Sequential(nn.Linear(4, 4), Branching(), nn.Linear(4, 3))",
    "nn.Sequential(nn.Linear(4, 4), Own(), nn.Linear(4, 3))", "nn.Sequential(Embedded(), nn.Linear(4, 3))",
    "nn.Sequential(Attentive(), nn.LayerNorm(4), nn.Linear(4, 3))", "nn.Sequential(nn.Linear(4, 6), nn.Dropout(0.3), nn.SiLU(), nn.Linear(6, 3))",
    "nn.Sequential(nn.TransformerEncoderLayer(4, 2, 5, dropout=0.0, batch_first=True, bias=False), nn.Linear(4, 3))",
    "nn.Sequential(nn.Unflatten(1, (2, 2)), nn.ConvTranspose1d(2, 2, 2), nn.InstanceNorm1d(2, affine=True), nn.Flatten(), nn.Linear(6, 3))",
    "nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.BatchNorm1d(4, affine=False), nn.Linear(4, 3, bias=False))",
    "nn.DataParallel(nn.Sequential(nn.Linear(4, 4), nn.Hardswish(), nn.Linear(4, 3))).module", "nn.Sequential(nn.utils.spectral_norm(nn.Linear(4, 4)), nn.Mish(), nn.Linear(4, 3))",
]  # fmt: skip
OPTIMIZERS = [
    "SGD(net.parameters(), lr=0.1)", "SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True)",
    "Adam(net.parameters(), lr=0.05)", "AdamW(net.parameters(), lr=0.05, weight_decay=0.1)",
    "RMSprop(net.parameters(), lr=0.02)", "Adagrad(net.parameters(), lr=0.1)", "NAdam(net.parameters(), lr=0.02)",
    "Adamax(net.parameters(), lr=0.02, maximize=True)", "Adadelta(net.parameters())", "ASGD(net.parameters(), lr=0.1)", "Adam(net.parameters(), lr=torch.tensor(0.05), amsgrad=True)",
    "SGD([{'params': [params[0]], 'lr': 0.2}, {'params': params[1:]}], lr=0.05, weight_decay=0.01)",
    "Adam(net.parameters(), lr=0.05, foreach=True)", "SGD(net.named_parameters(), lr=0.1, momentum=0.5, maximize=True)", "RAdam(net.parameters(), lr=0.05)",
    "Adam(net.parameters(), lr=0.05, fused=True)",
]  # fmt: skip
SCHEDULERS = [
    "StepLR(opt, 2, 0.5)", "CosineAnnealingLR(opt, 5)", "LambdaLR(opt, lambda k: 0.9 ** k)", "ExponentialLR(opt, 0.8)", "MultiStepLR(opt, [1, 3])",
    "SequentialLR(opt, [torch.optim.lr_scheduler.ConstantLR(opt, 0.5, 2), torch.optim.lr_scheduler.LinearLR(opt, 0.5, 1, 3)], [2])",
]  # fmt: skip

# what may stand before the loop, once each; `p`, `q` and `m` are parameters and a module chosen at random
BEFORE = [
    "{p}.register_hook(lambda g: g * 2)", "{p}.register_hook(lambda g: seen.append(g.sum().item()))",
    "{p}.register_hook(lambda g: seen.append(g.clone()))", "{p}.register_post_accumulate_grad_hook(lambda t: [t.grad.mul_(0.5)].clear())",
    "{p}.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.norm().item()))", "{p}.requires_grad_(False)",
    "{m}.register_forward_hook(lambda m, a, out: out * 1.5)", "{m}.register_forward_hook(lambda m, a, out: seen.append(out.sum().item()))",
    "{m}.register_forward_hook(lambda m, a, out: kept.append(out))", "{m}.register_forward_pre_hook(lambda m, a: (a[0] * 0.5,))",
    "{m}.register_full_backward_hook(lambda m, gi, go: seen.append([None if g is None else g.sum().item() for g in (*gi, *go)]))",
    "{m}.register_full_backward_hook(lambda m, gi, go: tuple(None if g is None else g * 2 for g in gi))",
    "{m}.register_full_backward_pre_hook(lambda m, go: tuple(g * 0.5 for g in go))",
    "handle = {p}.register_hook(lambda g: g * 3)", "ema = [p.detach().clone() for p in params]", "twin = copy.deepcopy(net)",
    "opt2 = torch.optim.SGD([{p}], lr=0.3)", "opt.register_step_post_hook(lambda o, a, k: seen.append(params[0].sum().item()))",
    "opt.register_step_pre_hook(lambda o, a, k: [t.grad.clamp_(-1, 1) for t in params if t.grad is not None])",
    "shared = x.numpy()", "{p}.data = {p}.data.clone() * 0.5", "single = torch.optim.SGD([{p}], lr=0.1); {p}.register_post_accumulate_grad_hook(lambda t: [single.step(), single.zero_grad()].clear())",
    "for t in params: t.grad = torch.zeros_like(t)", "kept.append(net(x))",
    "avg = torch.optim.swa_utils.AveragedModel(net)", "nn.utils.parametrize.register_parametrization(net[-1], 'weight', nn.Tanh())",
    "torch.autograd.graph.register_multi_grad_hook(params, lambda gs: seen.append([None if g is None else g.sum().item() for g in gs]))",
    "torch.autograd.graph.register_multi_grad_hook(params[:2], lambda g: seen.append(g.sum().item()), mode='any')",
    "nn.utils.prune.l1_unstructured(net[-1], 'weight', 0.5); params = list(net.parameters())", "opt2 = torch.optim.LBFGS(params, lr=0.1, max_iter=2)",
    "scaler = torch.amp.GradScaler('cpu', init_scale=8.0)", "loader = iter(DataLoader(TensorDataset(x, y), batch_size=4, shuffle=True).__iter__())", "pool = ThreadPoolExecutor(1)",
    "noise = torch.Generator().manual_seed(3)", "plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, patience=0)", "{p}.register_hook(lambda g: torch.randn_like(g) * 0.1 + g)",
    "net.register_state_dict_post_hook(lambda m, sd, prefix, meta: sd.pop(prefix + '0.bias', None) and None)", "tape = torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t)",
    "offload = torch.autograd.graph.save_on_cpu()", "{p}.grad = torch.ones_like({p}, requires_grad=False); held = {p}.grad", "student = nn.Linear(4, 3).double(); opt3 = torch.optim.Adam(student.parameters(), lr=0.05)",
    "net = net.to(torch.float32).double()", "net.share_memory()", "nn.utils.clip_grad_norm_(params, 1.0)",
]  # fmt: skip

CLEAR = [
    "opt.zero_grad()",
    "opt.zero_grad()",
    "opt.zero_grad(set_to_none=False)",
    "for t in params: t.grad = None",
    "net.zero_grad()",
    "",
    # not later: after `set_` a leaf has two ends in one graph
    "net.float(); seen.append(str(net(x.float()).dtype)); net.double()",
    "opt.zero_grad(); {p}.data.set_({p}.data.clone())",
    "nn.utils.parametrize.remove_parametrizations(net[-1], 'weight'); opt.zero_grad()",
    "opt.zero_grad()\nwith torch.no_grad(): {p}.set_({p}.clone())",
]
FORWARD = [
    # NumPy's writes between forward and backward are told in docs/differences.md
    "{p}.detach().numpy()[...] *= 0.5; out = net(x)", "shared[0] = 0.5; out = net(x)",
    "out = net(x)", "out = net(x)", "out = net(x[i % 3 : i % 3 + 3])", "out = net(x.roll(i, 0))", "out = net(x) + net(x * 2)",
    "out = nn.utils.stateless.functional_call(net, {k: v * 1.5 for k, v in net.named_parameters()}, (x,))",
    "out = torch.utils.checkpoint.checkpoint(net, x, use_reentrant=False)", "out = net(x.clone().requires_grad_())",
    "out = net(x); out = out + out.detach() * 0.1", "out = torch.cat([net(x[:3]), net(x[3:])])", "hidden = net[0](x); out = net[1:](hidden)",
    "out = net(x) * (1 + i)", "out = net(x.clone().index_fill_(0, torch.tensor([1]), 0.5))",
    "with torch.autocast('cpu', dtype=torch.bfloat16): out = net(x)", "with tape: out = net(x)", "with offload: out = net(x)", "out = pool.submit(net, x).result()",
    "out = net(next(loader)[0])", "out = net(x + 0.1 * torch.randn(6, 4, generator=noise, dtype=x.dtype))", "out = net(F.dropout(x, 0.2))", "out = net(x[torch.randperm(6)])",
    "out = net(x.T.contiguous().T)", "out = net(x) + student(x)", "out = torch.stack([net(r[None])[0] for r in x]) if not net.training else net(x)", "out = net(nn.Parameter(x))",
    "out = net(x.expand(2, 6, 4)[i % 2])", "out = sum(net(x * k) for k in range(1, 4)) / 3", "out = torch.utils.checkpoint.checkpoint_sequential(net, 2, x, use_reentrant=False)",
    "with torch.set_grad_enabled(i != 2): out = net(x)",
    "out = torch.zeros(6, 3, dtype=x.dtype); out[:3] = net(x[:3]); out[3:] = net(x[3:])", "out = net(x); out[0] = out[0] * 2",
]  # fmt: skip
LOSS = [
    "loss = F.cross_entropy(out, y[: len(out)])", "loss = F.cross_entropy(out, y[: len(out)])", "loss = F.mse_loss(out, out.detach() * 0.5 + 1)",
    "loss = (out ** 2).mean() + 0.01 * sum((t ** 2).sum() for t in params)", "loss = F.nll_loss(F.log_softmax(out, 1), y[: len(out)])",
    "loss = out.logsumexp(1).mean() - out[:, 0].mean()", "loss = F.smooth_l1_loss(out, torch.ones_like(out)) * (i + 1)",
    "loss = nn.CrossEntropyLoss(label_smoothing=0.1)(out, y[: len(out)])", "loss = F.kl_div(out.log_softmax(1), twin(x[: len(out)]).softmax(1), reduction='batchmean')",
    "loss = F.huber_loss(out, student(x[: len(out)]))", "loss = F.triplet_margin_loss(out[:2], out[2:4], out[-2:])", "loss = F.binary_cross_entropy_with_logits(out, torch.rand_like(out))",
    "loss = F.cross_entropy(out.float(), y[: len(out)]).double()", "loss = (out * torch.randn_like(out)).sum()", "loss = out.gather(1, y[: len(out), None]).mean() - out.logsumexp(1).sum() * 0.1",
]  # fmt: skip
BACKWARD = [
    "loss.backward()", "loss.backward()", "loss.backward()", "loss.backward(retain_graph=True)", "(loss * 0.5).backward(retain_graph=True); (loss * 0.5).backward()",
    "loss.backward(inputs=[t for t in params if t.requires_grad][:2])",
    "for t, g in zip([t for t in params if t.requires_grad], torch.autograd.grad(loss, [t for t in params if t.requires_grad], allow_unused=True)): t.grad = g",
    "loss.backward(torch.tensor(2.0))", "(g,) = torch.autograd.grad(loss, out, create_graph=True); (loss + (g ** 2).sum()).backward()",
    "torch.autograd.backward([loss, out.sum()])", "with torch.autograd.set_detect_anomaly(True): loss.backward()",
    "loss.register_hook(lambda g: g * 2); loss.backward()", "loss.backward(create_graph=True)", "out.backward(torch.ones_like(out))",
    "with torch.no_grad(): loss.backward()", "scaler.scale(loss).backward()", "pool.submit(loss.backward).result()", "(loss / 2).backward()",
    "opt.zero_grad(); loss.backward(retain_graph=True); [t.grad.mul_(2) for t in params if t.grad is not None]; loss.backward()",
    "gs = torch.autograd.grad(loss, [t for t in params if t.requires_grad], create_graph=True, allow_unused=True); (loss + 0.1 * sum((g ** 2).sum() for g in gs if g is not None)).backward()",
    "gs = torch.autograd.grad(loss, [t for t in params if t.requires_grad], create_graph=True, allow_unused=True); fast = {k: t - 0.1 * g for (k, t), g in zip([(k, t) for k, t in net.named_parameters() if t.requires_grad], gs) if g is not None}; F.mse_loss(nn.utils.stateless.functional_call(net, fast, (x,)), torch.zeros(6, 3).double()).backward()",
    "torch.autograd.backward(loss, inputs=params[-1])", "y_, vjp = out, loss.grad_fn; loss.backward(); seen.append(vjp.name())",
]  # fmt: skip
STEP = [
    "opt.step()",
    "opt.step()",
    "opt.step()",
    "for t in params: t.data.sub_(0.1 * t.grad) if t.grad is not None else None",
    "",
    "scaler.step(opt); scaler.update()",
    "with torch.no_grad(): [t.sub_(t.grad, alpha=0.1) for t in params if t.grad is not None]",
    "opt.step(); opt3.step()",
]
# what may stand anywhere in the loop
BESIDE = [
    "seen.append(loss.item())", "seen.append(out.argmax(1).tolist())", "seen.append([None if t.grad is None else t.grad.sum().item() for t in params])",
    "nn.utils.clip_grad_norm_(params, 0.5)", "seen.append(nn.utils.clip_grad_norm_(params, 1.0).item())", "nn.utils.clip_grad_value_(params, 0.1)",
    "{p}.grad = None", "{p}.grad.mul_(2)", "{p}.grad.zero_()", "{p}.grad = {p}.grad.clone()", "{p}.requires_grad_(i % 2 == 0)",
    "{p}.requires_grad_(i > 1)", "with torch.no_grad(): {p}.mul_(0.9)", "with torch.no_grad(): {p}.copy_({p} * 0.5 + 0.1)",
    "with torch.no_grad(): {p}[0] = 0.25", "{p}.data.clamp_(-0.5, 0.5)", "{p}.data = {p}.data * 0.9", "{p}.data[0] *= 2",
    "with torch.no_grad(): seen.append(net(x).sum().item())", "with torch.inference_mode(): seen.append(net(x).sum().item())",
    "net.eval(); seen.append(net(x).sum().item()); net.train()", "net.eval()", "net.train(i % 2 == 0)", "out.retain_grad()",
    "seen.append(None if out.grad is None else out.grad.sum().item())", "out.register_hook(lambda g: seen.append(g.norm().item()))",
    "out.register_hook(lambda g: g * 0.5)", "kept.append(loss)", "kept.append(loss.detach())", "kept.append(out)", "kept.clear()",
    "total = total + loss.detach()", "total = total + loss.item()", "total += loss.detach()", "running = 0.9 * running + 0.1 * loss; running = running.detach()",
    "state = copy.deepcopy(net.state_dict())", "net.load_state_dict(state)", "opt.load_state_dict(copy.deepcopy(opt.state_dict()))",
    "opt.param_groups[0]['lr'] *= 0.9", "sched.step()", "sched.step()", "opt2.step()", "opt2.zero_grad()", "handle.remove()",
    "with torch.no_grad(): [e.mul_(0.9).add_(t, alpha=0.1) for e, t in zip(ema, params)]", "with torch.no_grad(): [e.lerp_(t, 0.5) for e, t in zip(ema, params)]",
    "with torch.no_grad(): [t.copy_(e) for e, t in zip(ema, params)]", "twin.load_state_dict(net.state_dict())", "seen.append(twin(x).sum().item())",
    "twin = copy.deepcopy(net)", "x[0] = i", "x.mul_(0.9)", "x = x.flip(0)", "x = x.detach() + out.detach().mean()", "del loss", "loss = loss * 2",
    "{p}.grad = {p}.detach() * 0.1", "seen.append({p}.grad is None)", "seen.append({p}.is_leaf)",
    "net[-1].weight = nn.Parameter(net[-1].weight.detach() * 0.5)", "nn.init.constant_({p}, 0.3)", "nn.utils.vector_to_parameters(nn.utils.parameters_to_vector(params) * 0.9, params)",
    "opt.step(lambda: loss)", "def closure():\n    opt.zero_grad(); l = F.mse_loss(net(x), torch.zeros(6, 3)); l.backward(); return l\nseen.append(opt.step(closure).item())",
    "opt.add_param_group({{'params': [extra]}})", "loss = loss + (extra * out.mean()).sum()", "seen.append([s['step'].item() if 'step' in s else None for s in opt.state.values()])",
    "seen.append([v.sum().item() for v in net.state_dict().values()])", "torch.save(net.state_dict(), io.BytesIO())", "opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.5)",
    "for t in params: t.grad = None if t.grad is None else t.grad / 2", "loss.backward()", "opt.step()", "opt.zero_grad()", "if i == 2: raise ValueError('half-way')", "net.requires_grad_(i != 1)", "avg.update_parameters(net)", "seen.append(avg(x).sum().item())", "{p}.grad = torch.ones_like({p})",
    "seen.append(torch.autograd.functional.jacobian(lambda z: net(z).sum(0), x).sum().item())", "{p}.grad += {p}.detach()", "{p}.grad.detach_()",
    "seen.append(torch.autograd.functional.hvp(lambda z: net(z).pow(2).sum(), x, torch.ones_like(x))[1].sum().item())",
    "with torch.no_grad(): {p}.grad.add_({p})", "loss = loss / loss.detach()",
    "out = out * F.softmax(out.detach(), 1)", "loss = None", "out = out.detach()", "opt = copy.deepcopy(opt)", "net = copy.deepcopy(net)",
    "params = list(net.parameters())", "x.requires_grad_(i == 1)", "seen.append(None if x.grad is None else x.grad.sum().item())", "x.grad = None",
    "net.apply(lambda m: nn.init.constant_(m.bias, 0.1) if isinstance(m, nn.Linear) and m.bias is not None else None)",
    "with torch.no_grad(): net[-1].weight[0].zero_()", "opt2.step(lambda: F.mse_loss(net(x), torch.zeros(6, 3)))", "extra.grad = None",
    "extra = extra.detach().requires_grad_()",
    "g = {p}.grad", "seen.append(None if g is None else g.sum().item())", "seen.append(out.grad_fn is None)",
    "scaler.unscale_(opt)", "seen.append(scaler.get_scale())", "plateau.step(loss.item())", "plateau.step(loss)", "seen.append(torch.rand(2, generator=noise).tolist())",
    "seen.append(torch.randn(3).tolist())", "torch.manual_seed(i)", "rng = torch.get_rng_state()", "torch.set_rng_state(rng)", "seen.append(held is {p}.grad)", "held = {p}.grad",
    "opt3.zero_grad()", "opt3.step()", "student.load_state_dict({k: v for k, v in zip(('weight', 'bias'), (net[-1].weight.detach()[:, :4], net[-1].bias))})", "student.weight.copy_(net[-1].weight)",
    "pool.submit(opt.step).result()", "seen.append(pool.submit(lambda: (net(x).sum().item(), torch.is_grad_enabled())).result())", "with torch.no_grad(): seen.append(pool.submit(lambda: net(x).requires_grad).result())",
    "opt.param_groups[0]['weight_decay'] = 0.1", "opt.param_groups[0]['params'].reverse()", "opt.state.clear()", "opt.state[params[0]].clear()", "seen.append(sched.get_last_lr())",
    "buf = io.BytesIO(); torch.save([net.state_dict(), opt.state_dict()], buf); buf.seek(0); a, b = torch.load(buf, weights_only=False); net.load_state_dict(a); opt.load_state_dict(b)",
    "net.load_state_dict({k: v * 0.9 if v.is_floating_point() else v for k, v in net.state_dict().items()})", "net.load_state_dict(net.state_dict(), assign=True)",
    "net.load_state_dict({'nothing': x}, strict=False)", "net.double(); x = x.double()", "net.to(torch.float64)", "x = x.detach().clone()", "x = net[0](x).detach() if i == 1 else x",
    "seen.append({p}.grad_fn is None and {p}._version)", "seen.append({p}.numpy(force=True).sum())",
    "noisy = copy.deepcopy(net); [t.data.add_(torch.randn_like(t) * 0.01) for t in noisy.parameters()]; seen.append(noisy(x).sum().item())",
    "seen.append(torch.autograd.gradcheck(lambda z: F.linear(z, net[-1].weight).sum(), (torch.ones(1, net[-1].in_features).double().requires_grad_(),)))", "seen.append(len(list(net.modules())))",
    "with torch.no_grad(): net[-1].weight.data.normal_(0, 0.1)", "nn.init.xavier_uniform_(net[-1].weight)", "net[-1].reset_parameters()",
    "nn.utils.prune.remove(net[-1], 'weight')", "{m}._forward_hooks.clear()", "{m}._backward_hooks.clear()", "net[-1].requires_grad_(i % 2 == 1)",
    "v = {p}.view(-1)", "v.data.mul_(0.9)", "with torch.no_grad(): v.mul_(0.9)", "seen.append(v.sum().item())", "flat = torch.cat([t.detach().flatten() for t in params]); seen.append(flat.norm().item())",
    "torch.nn.utils.vector_to_parameters(torch.zeros(1000).double(), params)", "loss = loss + 0.01 * net[-1].weight.abs().sum()", "loss = torch.where(loss > 1, loss, loss * 2)", "out = out.clamp(-1, 1)",
    "hooked = loss.grad_fn.register_hook(lambda gi, go: seen.append(go[0].sum().item()))", "out.grad_fn.register_prehook(lambda go: (go[0] * 2,))", "y = torch.randint(0, 3, (6,))", "y = out.argmax(1)",
]  # fmt: skip


def write(seed: int) -> tuple[list[str], list[str]]:
    """The lines before the loop and those in it."""
    rng = random.Random(seed)
    apart: tuple[str, ...] = ()  # what lines must not have

    def line(of: list[str]) -> str:
        text = rng.choice([t for t in of if not any(word in t for word in apart)])
        if "{" not in text:
            return text
        q = rng.choice(
            ["params[0]", "params[1]", "params[-1]", "params[-2]", "net[0].bias", "net[-1].weight"]
        )
        at = rng.choice(["net", "net[0]", "net[-1]", "net[1]"])
        return text.replace("{p}", q).replace("{m}", at).replace("{{", "{").replace("}}", "}")

    before = [f"net = {rng.choice(NETS)}.double()", "params = list(net.parameters())", f"opt = torch.optim.{rng.choice(OPTIMIZERS)}",
              f"sched = torch.optim.lr_scheduler.{rng.choice(SCHEDULERS)}"]  # fmt: skip
    if any(
        net in before[0] for net in ("weight_norm", "Recurrent", "InstanceNorm", "Attentive", "Transformer")
    ):
        # one row here, several in PyTorch: they save other things, and their leaves come in another order
        apart = (".data", "vector_to", "x[0] =", "x.mul_", "numpy", "register_multi_grad")
    if "weight_norm" in before[0]:  # PyTorch's second derivatives hold its norms constant
        apart = (*apart, "create_graph", "hvp")
    before += [line(BEFORE) for _ in range(rng.choice([0, 1, 1, 2, 3]))]
    body: list[str] = []
    for part in (CLEAR, FORWARD, LOSS, BACKWARD, STEP):
        body.append(line(part))
        body += [line(BESIDE) for _ in range(rng.choice([0, 0, 1, 1, 2]))]
    # another order; but leaves that got another end or dtype are not gone backward to by the graphs of before
    if rng.random() < 0.2 and not any(w in b for b in body for w in ("set_(", "float()", "remove_param")):
        rng.shuffle(body)
    if rng.random() < 0.25:  # gradients of two batches
        body += [line(FORWARD), line(LOSS), line(BACKWARD), line(STEP)]
    # which tensors a checkpoint counts as saved where a leaf wants no gradient is told in docs/differences.md
    if any("checkpoint" in b for b in body):
        body = [b for b in body if "requires_grad_(i" not in b]
    return before, [b for b in body if b]


def modules(lib: ModuleType) -> dict[str, Any]:
    """Modules of our own: shared weights, a buffer that counts, a branch on data, a Function."""
    nn = lib.nn

    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
            self.b.weight = self.a.weight

        def forward(self, x: Any) -> Any:
            return self.b(lib.tanh(self.a(x))) + x

    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("steps", lib.zeros(()))
            self.scale = nn.Parameter(lib.ones(4))

        def forward(self, x: Any) -> Any:
            if self.training:
                self.steps += 1
            return x * self.scale / self.steps.clamp(min=1).sqrt()

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(2, 3, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.lstm(x.view(-1, 2, 2))[0][:, -1]

    class Branching(nn.Module):
        def forward(self, x: Any) -> Any:
            if x.sum().item() > 0:
                return x.relu()
            x = x.clone()
            x[:, 0] *= 2
            return x

    class Square(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x * x
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y = ctx.saved_tensors
            return g * (2 * x + 0 * y)

    class Embedded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(5, 4, padding_idx=0)

        def forward(self, x: Any) -> Any:
            return self.table((x.detach() > 0).sum(1)) * x

    class Attentive(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(4, 2, bias=False, batch_first=True)

        def forward(self, x: Any) -> Any:
            x = x[None]
            return (x + self.attention(x, x, x, need_weights=False)[0])[0]

    class Own(nn.Module):
        def forward(self, x: Any) -> Any:
            return Square.apply(x)

    return {c.__name__: c for c in (Tied, Counting, Recurrent, Branching, Own, Embedded, Attentive)}


def start(lib: ModuleType) -> dict[str, Any]:
    """What a loop starts from."""
    import copy
    import importlib
    import io

    importlib.import_module(f"{lib.__name__}.nn.utils.prune")
    data = importlib.import_module(f"{lib.__name__}.utils.data")
    lib.manual_seed(0)
    x = lib.from_numpy(np.random.RandomState(0).randn(6, 4)).clone()
    return {
        **modules(lib), "torch": lib, "nn": lib.nn, "F": lib.nn.functional, "copy": copy, "io": io, "x": x, "DataLoader": data.DataLoader, "TensorDataset": data.TensorDataset, "ThreadPoolExecutor": ThreadPoolExecutor, "y": lib.tensor([0, 1, 2, 0, 1, 2]),
        "seen": [], "kept": [], "total": lib.zeros(()), "running": lib.zeros(()), "extra": lib.ones(2, requires_grad=True), "i": 0,
    }  # fmt: skip


def run(lib: ModuleType, before: list[str], body: list[str]) -> tuple[dict[str, Any], list[Any]]:
    """The variables after a loop, and per line that ran the type of its error, if any; a failing backward ends it."""
    parity = getattr(lib.random, "parity", lambda mode: mode)
    before_draws = parity("exact")
    try:
        return _run(start(lib), before, body)
    finally:
        parity(before_draws)


def _run(space: dict[str, Any], before: list[str], body: list[str]) -> tuple[dict[str, Any], list[Any]]:
    errors: list[Any] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i, lines in enumerate([before] + [body] * STEPS):
            space["i"] = i - 1
            for text in lines:
                try:
                    exec(text, space)  # noqa: S102 - loops are made of exactly such lines
                    errors.append((text, None, ""))
                except Exception as e:  # noqa: BLE001 - errors are compared
                    errors.append((text, type(e).__name__, str(e)))
                    if "backward" in text or "grad(" in text:  # some gradients may have been delivered
                        return space, errors
    return space, errors


def facts(lib: ModuleType, space: dict[str, Any]) -> dict[str, Any]:
    """All that is compared of a loop's variables."""

    def plain(v: Any) -> Any:
        if isinstance(v, lib.Tensor):
            return np.array(v.detach().tolist())
        if isinstance(v, (list, tuple)):
            return [plain(w) for w in v]
        return [plain(w) for w in v.values()] if isinstance(v, dict) else v

    found: dict[str, Any] = {}
    for name, v in space.items():
        if isinstance(v, lib.nn.Module):
            found[name] = [
                (k, str(t.dtype), t.requires_grad, plain(t), plain(t.grad)) for k, t in v.named_parameters()
            ]
            found[f"{name} buffers"] = [(k, plain(b)) for k, b in v.named_buffers()]
        elif isinstance(v, lib.optim.Optimizer):
            found[name] = [
                plain([s[k] for k in sorted(s)])
                for group in v.param_groups
                for s in (v.state.get(p, {}) for p in group["params"])
            ]
        elif isinstance(v, lib.Tensor) or name in ("seen", "kept", "params", "ema"):
            found[name] = plain(v)
    found["next draw"] = lib.rand(3).tolist()
    found["gradients"] = [plain(t.grad) for t in space.get("params", ())]
    return found


# errors that are mistakes or gaps of PyTorch's, or told in docs/differences.md (gradients that are views)
NO_BEHAVIOUR = (
    "Could this error message be improved", "This is currently not supported", "Can't detach views in-place", "derivative for aten::",
)  # fmt: skip
FARTHEST = 1e5  # beyond this numbers run away, and what is left of their differences is rounding


def largest(found: Any) -> float:
    """The largest number among the facts."""
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, (list, tuple)):
        return max(map(largest, found), default=0.0)
    if isinstance(found, (float, np.ndarray)) and np.size(found):
        return float(np.abs(np.nan_to_num(np.asarray(found, float), posinf=np.inf, neginf=-np.inf)).max())
    return 0.0


def difference(torch: ModuleType, lib: ModuleType, before: list[str], body: list[str]) -> str | None:
    """What differs between the two after a loop, or None."""
    theirs, their_errors = run(torch, before, body)
    ours, our_errors = run(lib, before, body)
    if any(mark in why for _, _, why in their_errors for mark in NO_BEHAVIOUR):
        return None
    for (text, a, why), (_, b, our) in zip(their_errors, our_errors):
        if a != b:
            return f"{text}\n  torch: {a} {why}\n  ours:  {b} {our}"
    want, got = facts(torch, theirs), facts(lib, ours)
    if largest(want) > FARTHEST:
        return None
    for name in want:
        if name not in got or not same(want[name], got[name]):
            return f"{name}\n  torch: {want[name]}\n  ours:  {got.get(name)}"
    return None


def check(torch: ModuleType, lib: ModuleType, seed: int) -> str | None:
    """Writes and runs the loop of a seed; a report of the lines that matter if the two differ."""
    before, body = write(seed)
    if difference(torch, lib, before, body) is None:
        return None
    for lines in (body, before):
        for at in reversed(range(len(lines))):
            text = lines.pop(at)
            if difference(torch, lib, before, body) is None:
                lines.insert(at, text)
    return "\n".join(
        [f"# seed {seed}", *before, "# loop", *body, f"# {difference(torch, lib, before, body)}"]
    )


if __name__ == "__main__":
    sys.path.insert(0, ROOT)
    search(check, "loops", __doc__)
