"""A tiny character-level Transformer learns a page of text and writes on from a prompt."""

import math

import torch
from torch import nn

TEXT = """\
The mill stood where the river bent. In spring the river ran high and the wheel turned all day.
In summer the river ran low and the wheel turned slowly. In autumn leaves came down the river and
the miller raked them from the wheel. In winter the river froze, the wheel stood still, and the
miller mended his sacks by the fire. When the ice broke the wheel turned again, and the people of
the village came up the road with their grain. They brought rye and they brought wheat, and they
took home flour. The miller kept one sack in ten. He was a quiet man. He liked the sound of the
wheel, and the sound of the river under the wheel, and the sound of rain on the roof of the mill.
"""


class LanguageModel(nn.Module):
    """Token ids (N, T) -> scores of the next token (N, T, vocabulary)."""

    def __init__(self, vocabulary, width=64, heads=4, layers=2, context=48, dropout=0.05):
        super().__init__()
        self.context = context
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.randn(context, width) / math.sqrt(width))
        block = nn.TransformerEncoderLayer(
            width, heads, dim_feedforward=4 * width, dropout=dropout, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, ids):
        length = ids.size(1)
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        x = self.tokens(ids) + self.positions[:length]
        return self.head(self.norm(self.blocks(x, mask=mask, is_causal=True)))

    @torch.no_grad()
    def write(self, ids, count):
        """`count` further tokens, each the likeliest after the last `context` ones; ids: (1, context)."""
        self.eval()
        written = []
        for _ in range(count):
            following = self(ids)[:, -1:].argmax(dim=-1)  # (1, 1)
            written.append(following.item())
            ids = torch.cat((ids[:, 1:], following), dim=1)
        return written


def main(steps=500, batch=16):
    torch.manual_seed(0)
    letters = sorted(set(TEXT))
    data = torch.tensor([letters.index(c) for c in TEXT])
    model = LanguageModel(len(letters))
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(letters)} different characters")

    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    warmup = 40
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min((s + 1) / warmup, 0.5 * (1 + math.cos(math.pi * s / steps)))
    )
    for step in range(1, steps + 1):
        starts = torch.randint(0, len(data) - model.context - 1, (batch,)).tolist()
        x = torch.stack([data[i : i + model.context] for i in starts])
        y = torch.stack([data[i + 1 : i + 1 + model.context] for i in starts])
        scores = model(x)
        loss = nn.functional.cross_entropy(scores.view(-1, scores.size(-1)), y.view(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        if step % 50 == 0:
            print(f"step {step}  loss {loss.item():.4f}")

    prompt = data[: model.context]
    written = model.write(prompt.unsqueeze(0), 100)
    print("".join(letters[i] for i in prompt.tolist()), "->", "".join(letters[i] for i in written))
    print(f"Final loss: {loss.item():.4f}")


if __name__ == "__main__":
    main()
